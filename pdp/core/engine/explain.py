"""A decision explained: the slice, what each of its policies came to, and the condition that made it so.

Which policies apply is Cedar's to say, one policy at a time; why is what our own reading of the conditions
comes to, and is left out where the two should ever differ.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from pdp.core.catalog.marks import has_secret_at
from pdp.core.catalog.tool import Tool
from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.closure import Entity, evaluated
from pdp.core.engine.dependencies import Path, Reading, reads_of
from pdp.core.engine.expression.condition import ClauseTrace, Part, trace
from pdp.core.engine.expression.situation import Situation, Truth, truths_of
from pdp.core.engine.expression.value import RecordValue, value_of
from pdp.core.engine.policy import Policy
from pdp.core.engine.slice import Slice
from pdp.core.engine.syntax.parser import Parsed, parse
from pdp.core.engine.syntax.problem import SyntaxProblem
from pdp.core.engine.view import ARGUMENTS, Seen


class Values(StrEnum):
    """Whether an explanation shows what callers sent. What is marked `secret` is never shown."""

    MASKED = "masked"
    SHOWN = "shown"


class Outcome(StrEnum):
    """What a policy came to."""

    APPLIES = "applies"
    DOES_NOT_APPLY = "does_not_apply"
    FAILS = "fails"
    NOT_REPRESENTABLE = "not_representable"


class State(StrEnum):
    """What there is at a place that was read."""

    VALUE = "value"
    PRESENT = "present"
    MASKED = "masked"
    ABSENT = "absent"
    NOT_REPRESENTABLE = "not_representable"


class ReadPlace(msgspec.Struct, frozen=True):
    """A place of the context that a condition reads; `value` is in Cedar's JSON form, where it is shown."""

    place: str
    state: State
    value: Any = None


class ConditionPart(msgspec.Struct, frozen=True):
    """One side of a chain of `&&`; `result` is None where an earlier part was already enough."""

    text: str
    line: int
    result: Truth | None
    reads: tuple[ReadPlace, ...]


class ExplainedClause(msgspec.Struct, frozen=True):
    """A `when` or `unless`; `result` is what it comes to as a clause, None where an earlier one was enough."""

    kind: str
    result: Truth | None
    parts: tuple[ConditionPart, ...]


class ExplainedPolicy(msgspec.Struct, frozen=True):
    """One policy of the slice, and where it is written."""

    id: str
    effect: str
    outcome: Outcome
    file: str
    line: int
    clauses: tuple[ExplainedClause, ...]


class ExplainedEntity(msgspec.Struct, frozen=True):
    """An entity of the request, with its parents."""

    entity: str
    parents: tuple[str, ...]


class SliceExplained(msgspec.Struct, frozen=True):
    """The policies that can match the request, and the entities they are evaluated with."""

    policies: tuple[ExplainedPolicy, ...]
    entities: tuple[ExplainedEntity, ...]


def explain_slice(found: Slice, seen: Seen, *, tool: Tool, values: Values) -> SliceExplained:
    """What each policy of `found` came to when it was given `seen`, and why."""
    explainer = _Explainer(found, seen, tool, values)
    return SliceExplained(
        tuple(explainer.policy(policy) for policy in found.group.policies),
        tuple(_entity(entity) for entity in sorted(found.known.values(), key=lambda entity: entity.uid)),
    )


class _Explainer:
    def __init__(self, found: Slice, seen: Seen, tool: Tool, values: Values) -> None:
        self._found = found
        self._seen = seen
        self._marks = tool.marks
        self._values = values
        self._blind = frozenset(found.group.blind(seen.unrepresentable))
        self._situation: Situation = Situation(*found.named, _record(seen.value), evaluated(found.known))

    def policy(self, policy: Policy) -> ExplainedPolicy:
        outcome = self._outcome(policy)
        clauses = tuple(self._clauses(policy, outcome))
        where = policy.place
        return ExplainedPolicy(policy.id, policy.effect, outcome, where.file, where.line, clauses)

    def _outcome(self, policy: Policy) -> Outcome:
        if policy.id in self._blind:
            return Outcome.NOT_REPRESENTABLE
        alone = cedar.policy_set([policy.tree])
        answer = cedar.authorize(alone, self._found.entities, self._found.question, context=self._seen.value)
        if answer.reasons:
            return Outcome.APPLIES
        return Outcome.FAILS if answer.errors else Outcome.DOES_NOT_APPLY

    def _clauses(self, policy: Policy, outcome: Outcome) -> Iterator[ExplainedClause]:
        try:
            parsed = parse(policy.statement.text)
        except SyntaxProblem:  # Cedar reads what we cannot: there are no places to tell
            return
        traced = trace(parsed.tree.clauses, self._situation)
        if outcome is Outcome.NOT_REPRESENTABLE:
            traced = tuple(_unevaluated(clause) for clause in traced)
        elif _conclusion(traced) is not outcome:
            return
        for clause in traced:
            parts = tuple(self._part(part, policy, parsed) for part in clause.parts)
            kind = "when" if isinstance(clause.clause, pst.When) else "unless"
            yield ExplainedClause(kind, _truth(clause.truths), parts)

    def _part(self, part: Part, policy: Policy, parsed: Parsed) -> ConditionPart:
        span = parsed.span(part.expr)
        text = "" if span is None else policy.statement.text[span.start : span.end]
        line = policy.statement.line if span is None else policy.statement.place(span.start).line
        result = None if part.result is None else _truth(truths_of(part.result))
        places = sorted({(read.path, read.reading) for read in reads_of(part.expr)})
        return ConditionPart(text, line, result, tuple(self._read(path, reading) for path, reading in places))

    def _read(self, path: Path, reading: Reading) -> ReadPlace:
        place = ".".join(("context", *path))
        if any(path[: len(lost)] == lost for lost in self._seen.unrepresentable):
            return ReadPlace(place, State.NOT_REPRESENTABLE)
        held = _at(self._seen.value, path)
        if held is _ABSENT:
            return ReadPlace(place, State.ABSENT)
        if reading is Reading.PRESENCE:
            return ReadPlace(place, State.PRESENT)
        if self._values is Values.MASKED or self._is_secret(path):
            return ReadPlace(place, State.MASKED)
        return ReadPlace(place, State.VALUE, held)

    def _is_secret(self, path: Path) -> bool:
        """Whether a secret stands at `path`, above it or below it."""
        if path[:1] not in {(), (ARGUMENTS,)}:
            return False
        return has_secret_at(self._marks, path[1:], shape=self._found.shape)


def _record(form: Mapping[str, Any]) -> RecordValue:
    return RecordValue({name: value_of(item) for name, item in form.items()})


_ABSENT: Final = object()


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _conclusion(clauses: Iterable[ClauseTrace]) -> Outcome:
    """What a policy comes to whose clauses come to these; all of them are known."""
    for clause in clauses:
        match _truth(clause.truths):
            case Truth.FALSE:
                return Outcome.DOES_NOT_APPLY
            case Truth.ERROR | None:
                return Outcome.FAILS
            case Truth.TRUE:
                pass
    return Outcome.APPLIES


def _unevaluated(clause: ClauseTrace) -> ClauseTrace:
    return ClauseTrace(clause.clause, None, tuple(Part(part.expr, None) for part in clause.parts))


def _truth(truths: Iterable[Truth] | None) -> Truth | None:
    """The one truth of a condition of which everything is known."""
    known = tuple(truths or ())
    return known[0] if len(known) == 1 else None


def _entity(entity: Entity) -> ExplainedEntity:
    return ExplainedEntity(_name(entity.uid), tuple(_name(parent) for parent in entity.parents))


def _name(uid: EntityUid) -> str:
    return f'{uid.type}::"{uid.id}"'
