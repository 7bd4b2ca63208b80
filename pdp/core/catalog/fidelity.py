"""Fidelity: how much of a tool's arguments a policy sees, and what is left to the check of their JSON Schema."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pdp.core.catalog.cedar_text import is_plain, quoted
from pdp.core.catalog.marks import steps_of
from pdp.core.catalog.schema.constraints import Applying, Constraints, SchemaPlaces
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.number import units_of
from pdp.core.catalog.schema.shape import (
    LEAST,
    MOST,
    Bounded,
    Enumerated,
    Field,
    Opaque,
    Primitive,
    RecordOf,
    Rest,
    SetOf,
    Shape,
    UnionOf,
    Why,
    kind_of,
)
from pdp.core.catalog.tool import Mark, Tool, Undeclared


class Visibility(StrEnum):
    """How a policy sees an argument."""

    VISIBLE = "visible"
    WITH_LOSS = "visible with loss"
    INVISIBLE = "invisible"


class Loss(StrEnum):
    """What a policy does not see of an argument that it sees; what is not held denies a policy that reads it."""

    ORDER = "a set: without order, and a value is in it or is not"
    ELEMENT = "seen with its set alone, by `contains` of a whole item"
    NULL = "null is seen as absence"
    PLACES = "numbers with more than four decimal places are not held"
    RANGE = "numbers beyond 64 bits are not held"
    KIND = "values of some of its types are not held"
    BRANCH = "stands under the name of the type that the value has"
    PATTERNED = "members that the schema describes without naming them are not seen"
    UNDECLARED = "members that the schema does not declare pass and are not seen"


@dataclass(frozen=True, slots=True)
class ArgumentFidelity:
    """One argument, or a part of one: `pointer` leads to it, with `*` for any item of an array.

    `cedar` is the place in a policy and `type` the Cedar type, None where there is none.
    """

    pointer: str
    visibility: Visibility
    cedar: str | None
    type: str | None
    losses: tuple[Loss, ...]
    why: Why | None
    constraints: Constraints
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class ToolFidelity:
    """All arguments of one tool, and what its schema demands of them together."""

    tool: str
    undeclared: Undeclared
    arguments: tuple[ArgumentFidelity, ...]
    constraints: Constraints

    def counts(self) -> Counter[Visibility]:
        """How many arguments, nested ones too, are seen in each way."""
        return Counter(argument.visibility for argument in self.arguments)


def fidelity(tool: Tool) -> ToolFidelity:
    """What policies see of a call of `tool`."""
    places = SchemaPlaces(tool.input_schema)
    shape = arguments_shape(tool.input_schema)
    arguments = tuple(_Reader(tool, places).members(shape, places.top(), "", "context.arguments"))
    return ToolFidelity(tool.id, tool.undeclared, arguments, _demands(shape, places.top(), places))


class _Reader:
    """Follows shape and schema side by side; the shape's bounds are its own."""

    def __init__(self, tool: Tool, places: SchemaPlaces) -> None:
        self._tool = tool
        self._places = places

    def members(self, shape: RecordOf, place: Applying, pointer: str, cedar: str | None) -> Iterator[ArgumentFidelity]:
        for name, field in sorted(shape.fields.items()):
            step = name.replace("~", "~0").replace("/", "~1")
            inside = None if cedar is None else _member(cedar, name)
            yield from self._value(field, self._places.member(place, name), f"{pointer}/{step}", inside)

    def _value(self, field: Field, place: Applying, pointer: str, cedar: str | None) -> Iterator[ArgumentFidelity]:
        shape = field.shape
        opaque = isinstance(shape, Opaque)
        losses = () if opaque else tuple(sorted(set(self._losses(field, place, cedar)), key=list(Loss).index))
        lossy = Visibility.WITH_LOSS if losses else Visibility.VISIBLE
        yield ArgumentFidelity(
            pointer,
            visibility=Visibility.INVISIBLE if opaque else lossy,
            cedar=None if opaque else cedar,
            type=type_text(shape),
            losses=losses,
            why=shape.why if isinstance(shape, Opaque) else None,
            constraints=_demands(shape, place, self._places),
            mark=self._mark(pointer),
        )
        yield from self._parts(shape, place, pointer, cedar)

    def _parts(self, shape: Shape, place: Applying, pointer: str, cedar: str | None) -> Iterator[ArgumentFidelity]:
        match shape:
            case RecordOf():
                yield from self.members(shape, place, pointer, cedar)
            case SetOf(element=element):
                inside = Field(element, required=True)
                yield from self._value(inside, self._places.items(place), f"{pointer}/*", None)
            case UnionOf(branches=branches):
                for kind, branch in branches.items():
                    inside_branch = None if cedar is None else _member(cedar, kind)
                    yield from self._parts(branch, place, pointer, inside_branch)
            case _:
                return

    def _losses(self, field: Field, place: Applying, cedar: str | None) -> Iterator[Loss]:
        if field.nullable:
            yield Loss.NULL
        if cedar is None:
            yield Loss.ELEMENT
        yield from self._of_shape(field.shape, place)

    def _of_shape(self, shape: Shape, place: Applying) -> Iterator[Loss]:
        match shape:
            case SetOf():
                yield Loss.ORDER
            case UnionOf(branches=branches):
                yield Loss.BRANCH
                if any(isinstance(branch, Opaque) for branch in branches.values()):
                    yield Loss.KIND
                for branch in branches.values():
                    yield from self._of_shape(branch, place)
            case RecordOf(rest=rest):
                if rest is Rest.DECLARED:
                    yield Loss.PATTERNED
                elif self._tool.undeclared is Undeclared.ALLOW and not _is_closed(place):
                    yield Loss.UNDECLARED
            case Primitive() | Enumerated() | Bounded():
                yield from _of_number(shape, place)
            case Opaque():
                return

    def _mark(self, pointer: str) -> Mark | None:
        return next((mark for key, mark in self._tool.marks.items() if steps_of(key) == steps_of(pointer)), None)


def _demands(shape: Shape, place: Applying, places: SchemaPlaces) -> Constraints:
    """The constraints at `place`; `required` is one where Cedar's type says less, as for what may be null."""
    found = places.constraints(place)
    if not isinstance(shape, RecordOf):
        return found
    said = {name for name, field in shape.fields.items() if field.required}
    lists = (schema.get("required") for schema in place.schemas)
    if all(name in said for each in lists if isinstance(each, list) for name in each):
        return found
    return Constraints(tuple(sorted({*found.enforced, "required"})), found.unenforced)


def type_text(shape: Shape) -> str | None:
    """The Cedar type in a few words, None where Cedar holds no value."""
    match shape:
        case Primitive.BOOLEAN:
            return "Bool"
        case Primitive():
            return shape.value
        case Enumerated(kind=kind) | Bounded(kind=kind):
            return type_text(kind)
        case SetOf(element=element):
            return f"Set<{type_text(element)}>"
        case RecordOf():
            return "{...}" if shape.fields else "{}"
        case UnionOf(branches=branches):
            return f"{{{', '.join(f'{kind}?' for kind in branches)}}}"
        case Opaque():
            return None


def _of_number(shape: Primitive | Enumerated | Bounded, place: Applying) -> Iterator[Loss]:
    kind = kind_of(shape)
    if kind not in {Primitive.LONG, Primitive.DECIMAL}:
        return
    if isinstance(shape, Enumerated):
        yield from (loss for value in _listed_numbers(place) if (loss := _unheld(value, kind)) is not None)
        return
    if kind is Primitive.DECIMAL:
        yield Loss.PLACES
    if not (isinstance(shape, Bounded) and shape.least > LEAST and shape.most < MOST):
        yield Loss.RANGE


def _listed_numbers(place: Applying) -> Iterator[float]:
    for schema in place.schemas:
        listed = schema.get("enum", [])
        for value in [*(listed if isinstance(listed, list) else []), schema.get("const")]:
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield value


def _unheld(value: float, kind: Primitive) -> Loss | None:
    """Why Cedar does not hold a number, None where it does."""
    if not LEAST <= value <= MOST or not LEAST <= units_of(value, kind) <= MOST:
        return Loss.RANGE
    units = units_of(value, kind)
    return None if units == units.to_integral_value() else Loss.PLACES


def _is_closed(place: Applying) -> bool:
    return any(schema.get("additionalProperties") is False for schema in place.schemas)


def _member(cedar: str, name: str) -> str:
    """The place of a member of the record at `cedar`, as a policy writes it."""
    return f"{cedar}.{name}" if is_plain(name) else f"{cedar}[{quoted(name)}]"
