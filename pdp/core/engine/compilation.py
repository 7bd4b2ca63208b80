"""One compilation: sources read, named, linked, validated and compared, every problem with its place."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.errors import Problem
from pdp.core.engine.checks.between import notes_between
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.review import Note, Reviewed, review, whole_span
from pdp.core.engine.checks.suggestion import Suggestions
from pdp.core.engine.checks.validation import validation_notes
from pdp.core.engine.checks.vocabulary import Vocabulary
from pdp.core.engine.links import Link, filled, named, read_links, slot_problems, slots_of
from pdp.core.engine.syntax.parser import Parsed
from pdp.core.engine.syntax.problem import SyntaxProblem
from pdp.core.engine.syntax.reading import cut_files, problem_of, read_policies, read_policy
from pdp.core.engine.syntax.source import Statement
from pdp.core.engine.written import Ids, Written
from pdp.core.identity.mapping import IdentityMapping

_TOGETHER: Final = 256
"""Policies that are read before progress is told."""

_WHEN_IT_HOLDS: Final = frozenset({Code.NEVER_MATCHES, Code.ALWAYS_MATCHES})


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
    """What a later compilation need not do again under the same `world`, which is a catalog and a claims mapping.

    `reviewed` is by text, without problems.
    """

    world: tuple[str, str]
    vocabulary: Vocabulary
    reviewed: Mapping[str, Reviewed]


class Compilation:
    """One run over some sources; `problems` are those found so far."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        mapping: IdentityMapping,
        held: Held | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        world = catalog.digest, mapping.digest
        usable = held is not None and held.world == world
        self._held = held if held is not None and usable else Held(world, Vocabulary(catalog, mapping=mapping), {})
        self._vocabulary = self._held.vocabulary
        self._suggestions = Suggestions()
        self._progress = progress or (lambda _: None)
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
        """Tell what is wrong with each of `written`; validate it where that is not held."""
        fresh = [one for one in written if one.reviewed.text not in self._held.reviewed]
        notes = validation_notes(
            [one.reviewed for one in fresh],
            vocabulary=self._vocabulary,
            done=lambda done: self._tell(Step.VALIDATE, done, len(fresh)),
        )
        found = {one.reviewed.text: news for one, news in zip(fresh, notes, strict=True)}
        for one in written:
            # What is wrong with a template is told once, and not again of each of its links.
            known = found.get(one.statement.text, ()) if one.link is not None else ()
            told = {(note.code, note.message) for note in known}
            news = [note for note in found.get(one.reviewed.text, ()) if (note.code, note.message) not in told]
            self.problems += one.problems(_sensible(one.reviewed.notes, news))

    def compare(self, policies: Mapping[str, Written]) -> None:
        """Find what is wrong between `policies`."""
        reviewed = {key: one.reviewed for key, one in policies.items()}
        for key, note in notes_between(reviewed, places=self._ids.places(), vocabulary=self._vocabulary):
            self.problems += policies[key].problems([note])
        self._tell(Step.COMPARE, len(policies), len(policies))

    def held(self, written: Iterable[Written], policies: Mapping[str, Written]) -> Held:
        """What the next compilation need not do again, where no problem is an error."""
        reviewed = {one.reviewed.text: one.as_text_says() for one in (*policies.values(), *written)}
        return replace(self._held, reviewed=reviewed)

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
        news = tuple(note for note in reviewed.notes if (note.code, note.message) not in told)
        tree = named(reviewed.tree, identifier=link.id)
        return Written(replace(reviewed, tree=tree, notes=news), template.statement, link)

    def _tell(self, step: Step, done: int, total: int) -> None:
        self._progress(Progress(step, done, total))


def _sensible(notes: Iterable[Note], news: list[Note]) -> Iterator[Note]:
    """`notes` and `news` of validation; of conditions that are ill-typed nobody need know when they hold."""
    yield from (note for note in notes if not news or note.code not in _WHEN_IT_HOLDS)
    yield from news
