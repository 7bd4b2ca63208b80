"""What an expression is evaluated in, and what an evaluation can come to where not all is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from pdp.core.catalog.schema.shape import Enumerated, Opaque, Primitive, Shape
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.expression.value import RecordValue, Value


class Truth(StrEnum):
    """What the evaluation of a condition comes to."""

    TRUE = "true"
    FALSE = "false"
    ERROR = "error"


Truths: TypeAlias = frozenset[Truth]

ANY_TRUTH: Final[Truths] = frozenset(Truth)
ANY_BOOLEAN: Final[Truths] = frozenset({Truth.TRUE, Truth.FALSE})


class Reason(StrEnum):
    """Why an evaluation failed."""

    TYPE = "a value has another type than the operator takes"
    ATTRIBUTE = "there is no such attribute"
    ENTITY = "there is no such entity"
    TAG = "there is no such tag"
    OVERFLOW = "a number is out of range"
    EXTENSION = "a text or value is none that the function takes"


@dataclass(frozen=True, slots=True)
class Failed:
    """Cedar would report an evaluation error."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Undecided:
    """A condition that may come to each of `truths`, at least two; it may be none else."""

    truths: Truths


class Risk(StrEnum):
    """Whether what is unknown may turn out to be an error."""

    NONE = "none"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Some value of `shape`, of any type where that is `Opaque`, or an error where there is a risk of one."""

    shape: Shape = Opaque()  # noqa: RUF009 - frozen
    risk: Risk = Risk.NONE


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """A record of which not all is known; those of `optional` may be absent."""

    fields: Mapping[str, "Operand"]
    optional: frozenset[str] = frozenset()


Operand: TypeAlias = Value | Unknown | OpenRecord
Result: TypeAlias = Operand | Undecided | Failed
UNSURE: Final = (Undecided, Unknown, OpenRecord)
OPEN: Final = (Unknown, OpenRecord)


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity's attributes and tags, and all its ancestors, itself among them."""

    ancestors: frozenset[EntityUid]
    attributes: Mapping[str, Value]
    tags: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """A request; `entities` is every entity there is, None where that is unknown."""

    principal: EntityUid | Unknown
    action: EntityUid | Unknown
    resource: EntityUid | Unknown
    context: RecordValue | OpenRecord | Unknown
    entities: Mapping[EntityUid, Entity] | None


ANYTHING: Final = Situation(Unknown(), Unknown(), Unknown(), Unknown(), None)
"""Nothing is known: what is decided here is decided for every request."""


def truths_of(result: Result) -> Truths:
    """What `result` comes to where a condition stands: no boolean is an error."""
    if result is True:
        return frozenset({Truth.TRUE})
    if result is False:
        return frozenset({Truth.FALSE})
    match result:
        case Undecided(truths=truths):
            return truths
        case Unknown(shape=Opaque()):
            return ANY_TRUTH
        case Unknown(shape=Primitive.BOOLEAN | Enumerated(kind=Primitive.BOOLEAN), risk=risk):
            return ANY_BOOLEAN if risk is Risk.NONE else ANY_TRUTH
        case _:
            return frozenset({Truth.ERROR})
