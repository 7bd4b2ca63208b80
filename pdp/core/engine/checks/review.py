"""One policy or template, looked at by itself: all that the same text under the same catalog always has wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pdp.core.contract.record_terms import Recording
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.checks.action_classes import Interest, interest_of
from pdp.core.engine.checks.arguments import risky_patterns, unknown_arguments
from pdp.core.engine.checks.attributes import unknown_attributes
from pdp.core.engine.checks.code import ACKNOWLEDGEABLE, Code
from pdp.core.engine.checks.conditions import Holding, judge
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.names import PRINCIPALS, unknown_names
from pdp.core.engine.checks.ratings import unknown_ratings
from pdp.core.engine.checks.reach import unreachable
from pdp.core.engine.checks.strangers import strangers
from pdp.core.engine.checks.subject import Mention, Part, Subject, subject_of
from pdp.core.engine.checks.suggestion import Suggestions
from pdp.core.engine.checks.vocabulary import Vocabulary
from pdp.core.engine.syntax.parser import Parsed
from pdp.core.engine.syntax.reading import read_policy
from pdp.core.engine.syntax.source import Statement
from pdp.core.engine.syntax.span import Span

ACKNOWLEDGE: Final = "acknowledge"
RECORD: Final = "record"
ANNOTATIONS: Final = frozenset({"id", "message", "advice", "obligation", "owner", "severity", RECORD, ACKNOWLEDGE})


@dataclass(frozen=True, slots=True)
class Note:
    """Something wrong at `span` of a policy's text."""

    code: Code
    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A policy or template, and what is to be said of it alone; `names` are those that issuers give."""

    text: str
    tree: pst.Template
    interest: Interest
    names: frozenset[EntityUid]
    holding: Holding
    notes: tuple[Note, ...]

    @property
    def acknowledged(self) -> frozenset[str]:
        """The codes of problems that its author knows of and means."""
        return frozenset(self.tree.annotations.get(ACKNOWLEDGE, "").split())

    def has(self, *codes: Code) -> bool:
        """Whether one of `codes` was found."""
        return any(note.code in codes for note in self.notes)


def review(parsed: Parsed, *, text: str, vocabulary: Vocabulary, suggestions: Suggestions) -> Reviewed:
    """The policy of `text`, read as `parsed`."""
    subject = subject_of(parsed.tree, text=text)
    judged = judge(parsed.tree)
    names = unknown_names(subject, vocabulary=vocabulary, suggestions=suggestions)
    aside = {id(mention.node) for mention in subject.mentions if _says_nothing_of_calls(mention)}
    known = all(id(name.node) in aside or isinstance(name.node, pst.Is) for name in names)
    findings = [
        *names,
        *strangers(subject),
        *unknown_attributes(subject, vocabulary=vocabulary, suggestions=suggestions),
        *unknown_ratings(subject, vocabulary=vocabulary, suggestions=suggestions),
        *(_beyond_names(subject, vocabulary, suggestions) if known else ()),
        *judged.findings,
    ]
    notes = [*annotation_notes(parsed, text=text), *placed(findings, parsed=parsed, text=text)]
    return Reviewed(
        text=text,
        tree=parsed.tree,
        interest=interest_of(subject),
        names=frozenset(mention.uid for mention in subject.mentions if mention.uid.type in PRINCIPALS),
        holding=judged.holding,
        notes=tuple(notes),
    )


def placed(findings: Iterable[Finding], *, parsed: Parsed, text: str) -> Iterator[Note]:
    """`findings` with their places; one without is the whole policy's, and stands at its effect."""
    for finding in findings:
        span = None if finding.node is None else parsed.span(finding.node)
        yield Note(finding.code, finding.message, span or effect_span(parsed, text=text))


def effect_span(parsed: Parsed, *, text: str) -> Span:
    """Where a policy as a whole is pointed at: its `permit` or `forbid`, else its first character."""
    names = [parsed.annotation_span(name) for name in parsed.tree.annotations]
    after = max((span.end for span in names if span is not None), default=0)
    start = text.find(parsed.tree.effect, after)
    return Span(start, start + len(parsed.tree.effect)) if start >= 0 else Span(0, 0)


def whole_span(text: str) -> Span:
    """`effect_span` of a policy that is known by its text alone."""
    return effect_span(read_policy(Statement("", 1, 1, text)), text=text)


def _says_nothing_of_calls(mention: Mention) -> bool:
    """Whether the calls that a policy is about are known even if this name is not."""
    return mention.part is Part.CONDITION or (mention.part is Part.PRINCIPAL and mention.uid.type in PRINCIPALS)


def annotation_notes(parsed: Parsed, *, text: str) -> Iterator[Note]:
    """Annotations that mean nothing, and codes that nobody can acknowledge."""
    annotations = parsed.tree.annotations
    wrong = [(name, f"`@{name}` means nothing here") for name in sorted(annotations.keys() - ANNOTATIONS)]
    if ACKNOWLEDGE in annotations:
        wrong += [(ACKNOWLEDGE, message) for message in _not_acknowledged(annotations[ACKNOWLEDGE].split())]
    if annotations.get(RECORD, Recording.KEEP) not in set(Recording):
        wrong.append((RECORD, f"`@{RECORD}` is one of {', '.join(f'`{one}`' for one in Recording)}"))
    for name, message in wrong:
        yield Note(Code.ANNOTATION_UNKNOWN, message, parsed.annotation_span(name) or effect_span(parsed, text=text))


def _not_acknowledged(codes: list[str]) -> Iterator[str]:
    known = ", ".join(f"`{code}`" for code in sorted(ACKNOWLEDGEABLE))
    if not codes:
        yield f"`@{ACKNOWLEDGE}` names codes: {known}"
    for code in sorted(set(codes) - ACKNOWLEDGEABLE):
        yield f"`{code}` is nothing to acknowledge; that is {known}"


def _beyond_names(subject: Subject, vocabulary: Vocabulary, suggestions: Suggestions) -> Iterator[Finding]:
    """What can be said once the names of action and resource are known.

    A catalog without tools says nothing of a policy.
    """
    if vocabulary.tools:
        yield from unreachable(subject, vocabulary=vocabulary)
    yield from unknown_arguments(subject, vocabulary=vocabulary, suggestions=suggestions)
    yield from risky_patterns(subject, vocabulary=vocabulary)
