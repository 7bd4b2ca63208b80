"""Members of arguments that the approved schema does not declare, wherever Cedar sees a record."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

from pdp.core.catalog.schema.json_schema import type_names
from pdp.core.catalog.schema.shape import RecordOf, Rest, SetOf, Shape, UnionOf
from pdp.core.catalog.schema.validator import compile_schema

_NAMES: Final = 4096


def undeclared(arguments: Mapping[str, Any], shape: RecordOf) -> list[tuple[str, ...]]:
    """The paths to members that `shape` does not declare, sorted, but none below another.

    Objects that are no record to Cedar are not looked into. Where names are declared by patterns, they are
    matched by the engine that validates; a match that is aborted declares nothing.
    """
    return sorted(_undeclared(arguments, shape, ()))


def _undeclared(value: Any, shape: Shape, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    match shape:
        case RecordOf(fields=fields) if isinstance(value, Mapping):
            for name, item in value.items():
                if name in fields:
                    yield from _undeclared(item, fields[name].shape, (*at, name))
                elif not _is_described(name, shape):
                    yield (*at, name)
        case SetOf(element=element) if isinstance(value, list):
            for number, item in enumerate(value):
                yield from _undeclared(item, element, (*at, str(number)))
        case UnionOf(branches=branches):
            kind = next((kind for kind in branches if kind in type_names(value)), None)
            if kind is not None:
                yield from _undeclared(value, branches[kind], at)
        case _:
            pass


def _is_described(name: str, shape: RecordOf) -> bool:
    if shape.rest is Rest.UNDECLARED:
        return False
    return not shape.patterns or _names(shape.patterns).is_valid(name)


@lru_cache(_NAMES)
def _names(patterns: tuple[str, ...]) -> jsonschema_rs.Validator:
    return compile_schema({"anyOf": [{"pattern": pattern} for pattern in patterns]})
