"""Sources to compiled policies, or every problem in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.errors import ConfigurationError, Problem, Severity
from pdp.core.engine.checks.between import notes_between
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.review import Note, Reviewed, review, whole_span
from pdp.core.engine.checks.suggestion import Suggestions
from pdp.core.engine.checks.validation import validation_notes
from pdp.core.engine.checks.vocabulary import Vocabulary
from pdp.core.engine.index import PolicyIndex
from pdp.core.engine.links import SUFFIX, Link, filled, named, read_links, slot_problems, slots_of
from pdp.core.engine.policy import Place, Policy, policy_of
from pdp.core.engine.syntax.parser import Parsed
from pdp.core.engine.syntax.problem import SyntaxProblem
from pdp.core.engine.syntax.reading import cut_files, problem_of, read_policies, read_policy
from pdp.core.engine.syntax.source import Statement
from pdp.core.engine.written import Ids, Written

_TOGETHER: Final = 256
"""Policies that are read before progress is told."""

_WITHOUT_CATALOG: Final = frozenset(
    {
        Code.ENCODING,
        Code.TOO_LARGE,
        Code.HIDDEN_CHARACTER,
        Code.SYNTAX,
        Code.ID_MISSING,
        Code.ID_INVALID,
        Code.ID_DUPLICATE,
        Code.ANNOTATION_UNKNOWN,
    }
)
"""What is wrong whatever the catalog says."""


class Step(StrEnum):
    """What a compilation is at."""

    READ = "read"
    VALIDATE = "validate"
    COMPARE = "compare"


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the policies of one step are done."""

    step: Step
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a later compilation under the same catalog need not do again; `reviewed` is by text, without problems."""

    catalog: str
    vocabulary: Vocabulary
    reviewed: Mapping[str, Reviewed]


@dataclass(frozen=True, slots=True)
class CompiledPolicies:
    """Policies by id, and their index by scope; `warnings` are the problems that refuse nothing."""

    policies: Mapping[str, Policy]
    index: PolicyIndex
    warnings: tuple[Problem, ...]
    held: Held


def compile_policies(
    sources: Mapping[str, bytes],
    *,
    catalog: Catalog,
    previous: CompiledPolicies | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CompiledPolicies:
    """The policies of `sources` (file name to bytes), checked against `catalog`.

    What `previous` has of the same catalog is not read and validated again.

    Raises:
        ConfigurationError: with every error of every file.

    """
    compilation = _Compilation(catalog, previous, progress or (lambda _: None))
    written, policies = _checked(compilation, sources)
    errors = [problem for problem in compilation.problems if problem.severity is Severity.ERROR]
    if errors:
        raise ConfigurationError(errors)
    return compilation.finish(written, policies)


def check_policies(
    sources: Mapping[str, bytes], *, catalog: Catalog, progress: Callable[[Progress], None] | None = None
) -> list[Problem]:
    """Every problem of `sources` (file name to bytes), errors and warnings."""
    compilation = _Compilation(catalog, None, progress or (lambda _: None))
    _checked(compilation, sources)
    return compilation.problems


def _checked(compilation: "_Compilation", sources: Mapping[str, bytes]) -> tuple[list[Written], dict[str, Written]]:
    """What stands in `sources`, and the policies among it by id, after every check."""
    # (1) Read the policies, and look at each by itself.
    written = compilation.read({file: raw for file, raw in sources.items() if not file.endswith(SUFFIX)})
    # (2) Give each its id, and make policies of templates by links.
    policies = compilation.name(written, {file: raw for file, raw in sources.items() if file.endswith(SUFFIX)})
    # (3) Validate what has not been validated before.
    compilation.validate([*written, *(one for one in policies.values() if one.link is not None)])
    # (4) Compare the policies with each other.
    compilation.compare(policies)
    return written, policies


def problems_in(sources: Mapping[str, bytes]) -> list[Problem]:
    """What is wrong with `sources` whatever the catalog says: for when there is no catalog to check against."""
    compilation = _Compilation(Catalog([]), None, lambda _: None)
    written = compilation.read({file: raw for file, raw in sources.items() if not file.endswith(SUFFIX)})
    compilation.name(written, {})
    return [problem for problem in compilation.problems if problem.code in _WITHOUT_CATALOG]


class _Compilation:
    """One run over some sources; `problems` are those found so far."""

    def __init__(
        self, catalog: Catalog, previous: CompiledPolicies | None, progress: Callable[[Progress], None]
    ) -> None:
        held = previous.held if previous is not None and previous.held.catalog == catalog.digest else None
        self._held = held or Held(catalog.digest, Vocabulary(catalog), {})
        self._vocabulary = self._held.vocabulary
        self._suggestions = Suggestions()
        self._progress = progress
        self._ids = Ids()
        self.problems: list[Problem] = []

    def read(self, sources: Mapping[str, bytes]) -> list[Written]:
        """The policies and templates of `sources`, each reviewed."""
        statements, problems = cut_files(sources)
        self.problems += problems
        written: list[Written] = []
        for start in range(0, len(statements), _TOGETHER):
            written += self._read(statements[start : start + _TOGETHER])
            self._tell(Step.READ, min(start + _TOGETHER, len(statements)), len(statements))
        for one in written:
            self.problems += one.problems(one.reviewed.notes)
        return written

    def name(self, written: Iterable[Written], links: Mapping[str, bytes]) -> dict[str, Written]:
        """The policies by id: those of `written`, and those that links make of the templates among them."""
        admitted = {key: one for one in written if (key := self._ids.admit(one)) is not None}
        templates = {key: one for key, one in admitted.items() if one.is_template}
        found, problems = read_links(links)
        self.problems += problems
        linked = [one for link in found if (one := self._link(link, admitted, templates)) is not None]
        policies = {key: one for key, one in admitted.items() if key not in templates}
        policies |= {key: one for one in linked if (key := self._ids.admit(one)) is not None}
        self.problems += self._ids.problems
        for key in templates.keys() - {link.template for link in found}:
            one = templates[key]
            message = f"no link uses template `{key}`, so it decides nothing"
            self.problems += one.problems([Note(Code.TEMPLATE_UNUSED, message, whole_span(one.reviewed.text))])
        return policies

    def validate(self, written: Sequence[Written]) -> None:
        """Validate all of `written` that is not held."""
        fresh = [one for one in written if one.reviewed.text not in self._held.reviewed]
        notes = validation_notes(
            [one.reviewed for one in fresh],
            vocabulary=self._vocabulary,
            done=lambda done: self._tell(Step.VALIDATE, done, len(fresh)),
        )
        for one, found in zip(fresh, notes, strict=True):
            self.problems += one.problems(found)

    def compare(self, policies: Mapping[str, Written]) -> None:
        """Find what is wrong between `policies`."""
        reviewed = {key: one.reviewed for key, one in policies.items()}
        for key, note in notes_between(reviewed, places=self._ids.places(), vocabulary=self._vocabulary):
            self.problems += policies[key].problems([note])
        self._tell(Step.COMPARE, len(policies), len(policies))

    def finish(self, written: Iterable[Written], policies: Mapping[str, Written]) -> CompiledPolicies:
        """The compiled policies, where no problem is an error."""
        compiled = {
            key: policy_of(one.reviewed.tree, statement=one.statement, place=Place(one.file, one.line))
            for key, one in sorted(policies.items())
        }
        reviewed = {one.reviewed.text: one.as_text_says() for one in (*policies.values(), *written)}
        held = replace(self._held, reviewed=reviewed)
        return CompiledPolicies(compiled, PolicyIndex(compiled.values()), tuple(sorted(set(self.problems))), held)

    def _read(self, statements: Sequence[Statement]) -> Iterator[Written]:
        known = self._held.reviewed
        fresh = [statement for statement in statements if statement.text not in known]
        read = {id(statement): one for statement, one in zip(fresh, read_policies(fresh), strict=True)}
        for statement in statements:
            outcome = read.get(id(statement))
            if outcome is None:
                yield Written(known[statement.text], statement)
            elif isinstance(outcome, SyntaxProblem):
                self.problems.append(problem_of(outcome, statement=statement))
            else:
                yield Written(self._review(outcome, statement.text), statement)

    def _review(self, parsed: Parsed, text: str) -> Reviewed:
        return review(parsed, text=text, vocabulary=self._vocabulary, suggestions=self._suggestions)

    def _link(self, link: Link, admitted: Mapping[str, Written], templates: Mapping[str, Written]) -> Written | None:
        template = templates.get(link.template)
        if template is None:
            what = "is no template: it has no slot" if link.template in admitted else "is not there"
            near = self._suggestions.for_name(link.template, among=templates.keys())
            message = f"template `{link.template}` {what}{near}"
            self.problems.append(link.problem(Code.TEMPLATE_UNKNOWN, message, at=link.template_place))
            return None
        wrong = list(slot_problems(link, slots=slots_of(template.reviewed.tree)))
        self.problems += wrong
        return None if wrong else self._filled(link, template)

    def _filled(self, link: Link, template: Written) -> Written | None:
        """The policy that `link` makes of `template`; what is wrong with the template itself is told there."""
        text = filled(link, template=read_policy(template.statement), text=template.reviewed.text)
        if text is None:
            self.problems.append(link.problem(Code.LINK_INVALID, f"template `{link.template}` cannot be linked"))
            return None
        reviewed = self._held.reviewed.get(text) or self._review(read_policy(Statement(link.file, 1, 1, text)), text)
        told = {(note.code, note.message) for note in template.reviewed.notes}
        one = Written(replace(reviewed, tree=named(reviewed.tree, identifier=link.id)), template.statement, link)
        self.problems += one.problems(note for note in reviewed.notes if (note.code, note.message) not in told)
        return one

    def _tell(self, step: Step, done: int, total: int) -> None:
        self._progress(Progress(step, done, total))
