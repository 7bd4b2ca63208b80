"""The search for arguments that are allowed, among values that stand for all others."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from pdp.core.catalog.schema.shape import Field, Opaque, RecordOf, Shape, UnionOf
from pdp.core.catalog.tool import Mark
from pdp.core.engine.dependencies import Reading
from pdp.core.engine.expression.situation import OPEN, OpenRecord, Operand, Situation, Truths, Unknown, truths_of
from pdp.core.engine.expression.value import RecordValue, Value
from pdp.core.engine.residual.atoms import Place
from pdp.core.engine.residual.completeness import Completeness
from pdp.core.engine.residual.domain import Effort, domain
from pdp.core.engine.residual.examined import Examined
from pdp.core.engine.residual.probes import Probes
from pdp.core.engine.residual.standing import Standing, standing
from pdp.core.engine.view import ARGUMENTS

MAX_TRIES: Final = 1_000
"""So many times the undecided policies are evaluated for one tool; a tool that takes more may be called."""


class Presence(Enum):
    """Whether an attribute is there; no StrEnum, whose members are texts that an argument may have."""

    ABSENT = "absent"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Branch:
    """The attribute that a union has."""

    name: str


Choice: TypeAlias = Presence | Branch | Value


@dataclass(frozen=True, slots=True)
class Variable:
    """A place with the choices to try there, and the policies that read it."""

    place: Place
    choices: tuple[Choice, ...]
    readers: frozenset[str]


class Search:
    """Tries choices at the places that undecided policies read, until a call is allowed or none can be."""

    def __init__(
        self,
        found: Mapping[Examined, Truths],
        *,
        shape: RecordOf,
        marks: Mapping[str, Mark],
        situation: Situation,
    ) -> None:
        self._fixed = {one: truths for one, truths in found.items() if len(truths) == 1}
        self._undecided = undecided = [one for one in found if one not in self._fixed]
        self._shape = shape
        self._situation = situation
        self._probes = Probes([one.atoms for one in undecided], shape=shape, marks=marks, situation=situation)
        self._partial = self._probes.odd
        self._variables: tuple[Variable, ...] = ()
        self._inner: frozenset[Place] = frozenset()
        self._tries = 0

    def standing(self) -> Standing:
        """`DENIED` when no arguments are allowed, `OPEN` when some are, or may be."""
        for effort in Effort:
            self._tries = 0
            self._variables = tuple(self._within(self._shape, (), self._undecided, effort))
            self._inner = frozenset(
                each.place[:length] for each in self._variables for length in range(len(each.place))
            )
            if self._tried(0, {}, self._undecided, self._fixed) is not Standing.DENIED:
                return Standing.OPEN
        return Standing.OPEN if self._partial else Standing.DENIED

    def _tried(
        self,
        number: int,
        chosen: dict[Place, Choice],
        undecided: Sequence[Examined],
        fixed: Mapping[Examined, Truths],
    ) -> Standing:
        """Whether a call with `chosen` and any of the choices from variable `number` on is allowed."""
        asked = {one.id for one in undecided}
        while number < len(self._variables) and not self._matters(self._variables[number], chosen, asked):
            number += 1
        if number == len(self._variables):
            return Standing.OPEN
        variable = self._variables[number]
        for choice in variable.choices:
            self._tries += 1
            if self._tries > MAX_TRIES:
                return Standing.OPEN
            following = {**chosen, variable.place: choice}
            found = {**fixed, **self._evaluated(undecided, following)}
            reached = standing(found)
            if reached is Standing.OPEN:
                left = [one for one in undecided if len(found[one]) > 1]
                reached = self._tried(number + 1, following, left, {k: v for k, v in found.items() if len(v) == 1})
            if reached is not Standing.DENIED:
                return reached
        return Standing.DENIED

    def _matters(self, variable: Variable, chosen: Mapping[Place, Choice], asked: Collection[str]) -> bool:
        """Whether the place exists among `chosen`, and somebody still asks for it."""
        if variable.readers.isdisjoint(asked):
            return False
        for length in range(1, len(variable.place)):
            match chosen.get(variable.place[:length]):
                case Presence.ABSENT:
                    return False
                case Branch(name=name) if name != variable.place[length]:
                    return False
                case _:
                    pass
        return True

    def _evaluated(self, undecided: Sequence[Examined], chosen: Mapping[Place, Choice]) -> dict[Examined, Truths]:
        arguments = self._record(self._shape, (), chosen)
        situation = with_arguments(self._situation, arguments)
        return {one: truths_of(one.program(situation)) for one in undecided}

    def _record(self, shape: RecordOf, place: Place, chosen: Mapping[Place, Choice]) -> RecordValue | OpenRecord:
        known: dict[str, Value] = {}
        fields: dict[str, Operand] = {}
        optional: set[str] = set()
        for name, field in shape.fields.items():
            at = (*place, name)
            choice = chosen.get(at)
            if choice is Presence.ABSENT:
                continue
            if choice is None and not field.required:
                optional.add(name)
            operand = fields[name] = self._operand(field.shape, at, choice, chosen)
            if not isinstance(operand, OPEN):
                known[name] = operand
        if len(known) == len(fields) and not optional:
            return RecordValue(known)
        return OpenRecord(fields, frozenset(optional))

    def _operand(self, shape: Shape, place: Place, choice: Choice | None, chosen: Mapping[Place, Choice]) -> Operand:
        if isinstance(choice, Branch):
            branch = _branch(shape, choice.name)
            fields = {} if isinstance(branch, Opaque) else {choice.name: Field(branch, required=True)}
            return self._record(RecordOf(fields), place, chosen)
        if choice is not None and not isinstance(choice, Presence):
            return choice
        if isinstance(shape, RecordOf) and place in self._inner:
            return self._record(shape, place, chosen)
        return Unknown(shape)

    def _within(self, shape: RecordOf, place: Place, readers: Sequence[Examined], effort: Effort) -> Iterator[Variable]:
        for name, field in sorted(shape.fields.items()):
            yield from self._at((*place, name), field, readers, effort)

    def _at(self, place: Place, field: Field, readers: Sequence[Examined], effort: Effort) -> Iterator[Variable]:
        """The variable of a field and those below it, where anybody reads it."""
        asking = [one for one in readers if any(read.touches((ARGUMENTS, *place)) for read in one.reads)]
        if not asking:
            return
        names = frozenset(one.id for one in asking)
        absent = () if field.required else (Presence.ABSENT,)
        match field.shape:
            case RecordOf():
                if absent:
                    yield Variable(place, (*absent, Presence.PRESENT), names)
                yield from self._within(field.shape, place, asking, effort)
            case UnionOf(branches=branches):
                yield Variable(place, (*absent, *(Branch(kind.value) for kind in branches)), names)
                for kind, branch in branches.items():
                    yield from self._at((*place, kind.value), Field(branch, required=True), asking, effort)
            case Opaque():
                pass
            case shape:
                values = self._values(shape, place, asking, effort)
                if absent or values != (Presence.PRESENT,):
                    yield Variable(place, (*absent, *values), names)

    def _values(self, shape: Shape, place: Place, asking: Sequence[Examined], effort: Effort) -> tuple[Choice, ...]:
        """Values for a place; presence alone where nobody asks for more."""
        path = (ARGUMENTS, *place)
        reads = (read for one in asking for read in one.reads if read.touches(path))
        if all(read.reading is Reading.PRESENCE and read.path == path for read in reads):
            return (Presence.PRESENT,)
        found = domain(shape, self._probes.of(place), effort=effort)
        if effort is Effort.ALL and found.completeness is Completeness.PARTIAL:
            self._partial = True
        return found.values


def with_arguments(situation: Situation, arguments: Operand) -> Situation:
    """`situation` with other arguments."""
    context = situation.context
    fields = context.fields if isinstance(context, RecordValue | OpenRecord) else {}
    return replace(situation, context=OpenRecord({**fields, ARGUMENTS: arguments}))


def _branch(shape: Shape, name: str) -> Shape:
    branches = shape.branches if isinstance(shape, UnionOf) else {}
    return next((branch for kind, branch in branches.items() if kind == name), Opaque())
