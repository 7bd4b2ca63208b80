"""Places in arguments: what there can be where a mark points."""

from collections.abc import Sequence

from pdp.core.catalog.marks import EVERY
from pdp.core.catalog.schema.shape import (
    Bounded,
    Enumerated,
    Opaque,
    Primitive,
    RecordOf,
    Rest,
    SetOf,
    Shape,
    UnionOf,
    kind_of,
)


def shapes_at(shape: Shape, steps: Sequence[str]) -> list[Shape]:
    """The shapes that a value can have at `steps` in one of `shape`; none where there is no such place."""
    if not steps:
        return [shape]
    step, *rest = steps
    match shape:
        case RecordOf(fields=fields) if step in fields:
            return shapes_at(fields[step].shape, rest)
        case RecordOf(rest=Rest.DECLARED) | Opaque():
            return [Opaque()]
        case SetOf(element=element) if step == EVERY or step.isdecimal():
            return shapes_at(element, rest)
        case UnionOf(branches=branches):
            return [found for branch in branches.values() for found in shapes_at(branch, steps)]
        case _:
            return []


def holds_text(shape: Shape) -> bool:
    """Whether a value of `shape` can be a text or a list of texts; what may be anything can."""
    match shape:
        case Primitive() | Enumerated() | Bounded():
            return kind_of(shape) is Primitive.STRING
        case SetOf(element=element):
            return holds_text(element)
        case UnionOf(branches=branches):
            return any(holds_text(branch) for branch in branches.values())
        case RecordOf():
            return False
        case Opaque():
            return True
