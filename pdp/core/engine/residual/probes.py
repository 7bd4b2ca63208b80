"""What the policies in question ask of each place, with the values that a situation gives to the rest."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pdp.core.catalog.arguments import can_be
from pdp.core.catalog.marks import mark_at
from pdp.core.catalog.schema.shape import LEAST, MOST, Bounded, Enumerated, Primitive, RecordOf, SetOf, Shape, UnionOf
from pdp.core.catalog.tool import Mark
from pdp.core.engine.expression.extension import FixedDecimal
from pdp.core.engine.expression.situation import UNSURE, Failed, Situation
from pdp.core.engine.expression.value import RecordValue, SetValue, Value
from pdp.core.engine.residual.atoms import Atoms, Compared, Place, Step
from pdp.core.engine.residual.completeness import Completeness
from pdp.core.engine.residual.domain import Probe

_NOTHING: Final = Probe()


class Probes:
    """A probe for each place of arguments of `shape` that something is asked of."""

    def __init__(
        self, atoms: Sequence[Atoms], *, shape: RecordOf, marks: Mapping[str, Mark], situation: Situation
    ) -> None:
        self._shape = shape
        self._marks = marks
        self._probes: dict[Place, Probe] = {}
        for each in atoms:
            for compared in each.compared:
                self._compare(compared, situation)
            for place, pattern in each.matched:
                self._at(place).patterns.append(pattern)
            for place in each.odd:
                self._odd(place, each.hints)
        for linked in _groups(pair for each in atoms for pair in each.linked):
            self._link(linked)

    def of(self, place: Place) -> Probe:
        """What is asked of `place`; a part of a whole that is asked something odd has that too."""
        return self._probes.get(place, _NOTHING)

    @property
    def odd(self) -> bool:
        """Whether something is asked that values cannot stand for."""
        return any(probe.completeness is Completeness.PARTIAL for probe in self._probes.values())

    def _at(self, place: Place) -> Probe:
        return self._probes.setdefault(place, Probe())

    def _compare(self, compared: Compared, situation: Situation) -> None:
        flow = compared.flow
        line = _Line(flow.steps, situation)
        self._at(flow.place).turns.update(line.turns)
        if compared.other is None:
            return
        value = compared.other(situation)
        if isinstance(value, UNSURE):
            self._at(flow.place).completeness = Completeness.PARTIAL
        elif not isinstance(value, Failed):
            self._note(flow.place, value, line)

    def _note(self, place: Place, value: Value, line: "_Line") -> None:
        shape = shape_at(self._shape, place)
        match shape, value:
            case None, _:
                pass
            case RecordOf() | UnionOf(), RecordValue(fields=fields):
                for name, each in fields.items():
                    self._note((*place, name), each, line)
            case SetOf(), SetValue():
                self._at(place).values.append(SetValue.of(each for each in value if self._can_be(each, place)))
            case _, SetValue():
                for each in value:
                    self._note(place, each, line)
            case _ if line.steps:
                self._at(place).turns.update(line.reaching(value))
            case _ if self._can_be(value, place):
                self._at(place).values.append(value)
            case _:
                pass

    def _can_be(self, value: Value, place: Place) -> bool:
        """Whether a text can be at `place`: an argument that has a mark comes in one form."""
        return not isinstance(value, str) or can_be(value, mark_at(self._marks, place, shape=self._shape))

    def _odd(self, place: Place, hints: Iterable[str | int]) -> None:
        probe = self._at(place)
        probe.completeness = Completeness.PARTIAL
        probe.values += hints

    def _link(self, places: Sequence[Place]) -> None:
        shapes = [shape_at(self._shape, place) for place in places]
        scalars = [shape for shape in shapes if isinstance(shape, Primitive | Enumerated | Bounded)]
        joint = Probe(places=len(places))
        for place in places:
            probe = self._at(place)
            joint.values += probe.values
            joint.turns |= probe.turns
            joint.patterns += probe.patterns
            if probe.completeness is Completeness.PARTIAL:
                joint.completeness = Completeness.PARTIAL
        if len(scalars) < len([shape for shape in shapes if shape is not None]):
            joint.completeness = Completeness.PARTIAL
        for shape in scalars:
            _bound(joint, shape)
        self._probes.update(dict.fromkeys(places, joint))


def shape_at(shape: Shape, place: Place) -> Shape | None:
    """The shape of what is at `place` within a value of `shape`; None where nothing can be."""
    for name in place:
        match shape:
            case RecordOf(fields=fields) if name in fields:
                shape = fields[name].shape
            case UnionOf(branches=branches):
                found = next((branch for kind, branch in branches.items() if kind == name), None)
                if found is None:
                    return None
                shape = found
            case _:
                return None
    return shape


def _bound(probe: Probe, shape: Primitive | Enumerated | Bounded) -> None:
    """The values of `shape` that other places, held against one of it, can be told by."""
    match shape:
        case Enumerated(kind=kind, values=values):
            units = (int(value) for value in values if not isinstance(value, str))
            texts = [value for value in values if isinstance(value, str)]
            probe.values += [FixedDecimal(each) if kind is Primitive.DECIMAL else each for each in units]
            probe.values += texts
        case Bounded(least=least, most=most):
            probe.turns |= {least, most}
        case Primitive():
            pass


def _groups(pairs: Iterable[tuple[Place, Place]]) -> list[list[Place]]:
    """The places that are linked to each other, directly or not."""
    groups: dict[Place, list[Place]] = {}
    for one, other in pairs:
        first, second = groups.setdefault(one, [one]), groups.setdefault(other, [other])
        if first is not second:
            first += second
            groups.update(dict.fromkeys(second, first))
    return list({id(group): group for group in groups.values()}.values())


class _Line:
    """Integer steps as `factor * x + constant`; `turns` are the x where a step gets out of range."""

    def __init__(self, steps: Sequence[Step], situation: Situation) -> None:
        self.steps = steps
        self.factor, self.constant = 1, 0
        self.turns: set[int] = set()
        for step in steps:
            by = 0 if step.by is None else step.by(situation)
            if not isinstance(by, int) or isinstance(by, bool):
                return
            self._take(step.op, by)
            self.turns |= self.reaching(MOST) | self.reaching(LEAST)

    def reaching(self, value: Value) -> set[int]:
        """The x around where the line is at `value`."""
        if not isinstance(value, int) or isinstance(value, bool) or self.factor == 0:
            return set()
        at = (value - self.constant) // self.factor
        return {at, at + 1}

    def _take(self, op: str, by: int) -> None:
        match op:
            case "add":
                self.constant += by
            case "sub":
                self.constant -= by
            case "mul":
                self.factor, self.constant = self.factor * by, self.constant * by
            case _:
                self.factor, self.constant = -self.factor, -self.constant
