"""The arguments that a call can have without a policy being asked about what Cedar cannot hold."""

from collections.abc import Collection

from pdp.core.catalog.schema.shape import Field, Opaque, RecordOf, Shape, UnionOf
from pdp.core.engine.dependencies import Read
from pdp.core.engine.residual.atoms import Place
from pdp.core.engine.view import ARGUMENTS


def room(shape: RecordOf, reads: Collection[Read]) -> RecordOf | None:
    """`shape` without what must be absent because `reads` would find it not representable; None: nothing is left."""
    left = _left(shape, (), reads)
    return left if isinstance(left, RecordOf) else None


def _left(shape: Shape, place: Place, reads: Collection[Read]) -> Shape | None:
    match shape:
        case Opaque():
            return None if any(read.touches((ARGUMENTS, *place)) for read in reads) else shape
        case RecordOf(fields=fields):
            kept: dict[str, Field] = {}
            for name, field in fields.items():
                left = _left(field.shape, (*place, name), reads)
                if left is not None:
                    kept[name] = Field(left, required=field.required, nullable=field.nullable)
                elif field.required:
                    return None
            return RecordOf(kept)
        case UnionOf(branches=branches):
            possible = {kind: _left(branch, (*place, kind.value), reads) for kind, branch in branches.items()}
            admitted = {kind: left for kind, left in possible.items() if left is not None}
            return UnionOf(admitted) if admitted else None
        case _:
            return shape


def has_opaque(shape: Shape) -> bool:
    """Whether a part of `shape` is not representable."""
    match shape:
        case Opaque():
            return True
        case RecordOf(fields=fields):
            return any(has_opaque(field.shape) for field in fields.values())
        case UnionOf(branches=branches):
            return any(has_opaque(branch) for branch in branches.values())
        case _:
            return False
