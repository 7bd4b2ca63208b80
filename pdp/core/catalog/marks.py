"""Marks on arguments: which places they mean, and what is done at these places.

A mark's key is an argument's name, or a JSON Pointer (RFC 6901) into the arguments, which begins with `/`.
In an array a step of a pointer is `*` for every item, or the number of one. A mark is for the text at its
place and, where that is an array, for the texts in it at any depth.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pdp.core.catalog.schema.shape import RecordOf, SetOf, Shape, UnionOf
from pdp.core.catalog.tool import Mark

Steps: TypeAlias = tuple[str, ...]

EVERY: Final = "*"
"""The step to each item of an array."""
_ESCAPED: Final = re.compile(r"(?:[^~]|~[01])*", re.DOTALL)
_KNOWN: Final = 8192


@lru_cache(_KNOWN)
def steps_of(key: str) -> Steps:
    """The steps to the place that the key of a mark means.

    Raises:
        ValueError: it begins as a pointer and is none.

    """
    if not key.startswith("/"):
        return (key,)
    if not _ESCAPED.fullmatch(key):
        raise ValueError("a `~` in a JSON Pointer is written `~0`, a `/` in a name `~1`")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in key[1:].split("/"))


def key_of(steps: Steps) -> str:
    """The one key for the place at `steps`: a name, where it can be one."""
    if len(steps) == 1 and not steps[0].startswith("/"):
        return steps[0]
    return pointer_to(steps)


def changed_at(value: Any, steps: Steps, change: Callable[[Any], Any]) -> Any:
    """`value` with what is at `steps` changed; the containers on the way are copies, the rest is shared."""
    if not steps:
        return change(value)
    step, *rest = steps
    if isinstance(value, Mapping) and step in value:
        return {**value, step: changed_at(value[step], tuple(rest), change)}
    if isinstance(value, list):
        return [
            changed_at(item, tuple(rest), change) if step in {EVERY, str(number)} else item
            for number, item in enumerate(value)
        ]
    return value


def removed_at(value: Any, steps: Steps) -> Any:
    """`value` without what is at `steps`, of which there is at least one; an item of an array becomes null.

    INVARIANT: the other items stay where they are, so that other places still mean the same.
    """
    step, *rest = steps
    if rest:
        return changed_at(value, (step,), lambda inner: removed_at(inner, tuple(rest)))
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if name != step}
    if isinstance(value, list):
        return [None if step in {EVERY, str(number)} else item for number, item in enumerate(value)]
    return value


def pointer_to(steps: Steps) -> str:
    """The JSON Pointer to `steps`."""
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)


def mark_at(marks: Mapping[str, Mark], path: Sequence[str], *, shape: RecordOf) -> Mark | None:
    """The mark of the texts that a policy sees at `path` in arguments of `shape`, in a set there too."""
    found, place = _seen(path, shape)
    if place is None:
        return None
    places = [place]
    while isinstance(found, SetOf):
        found, place = found.element, (*place, EVERY)
        places.append(place)
    return next((mark for key, mark in marks.items() if steps_of(key) in places), None)


def has_secret_at(marks: Mapping[str, Mark], path: Sequence[str], *, shape: RecordOf) -> bool:
    """Whether what a policy sees at `path` is, holds or is part of a secret."""
    place = _seen(path, shape)[1]
    secrets = (steps_of(key) for key, mark in marks.items() if mark is Mark.SECRET)
    return any(place is None or all(a == b for a, b in zip(place, secret, strict=False)) for secret in secrets)


def _seen(path: Sequence[str], shape: RecordOf) -> tuple[Shape | None, Steps | None]:
    """The shape at `path` and the steps to it in JSON, None where there is none; a union's type is no step."""
    reached: Shape | None = shape
    place: Steps = ()
    for name in path:
        match reached:
            case RecordOf(fields=fields):
                field = fields.get(name)
                reached, place = (None if field is None else field.shape), (*place, name)
            case UnionOf(branches=branches):
                reached = next((branch for kind, branch in branches.items() if kind == name), None)
            case _:
                return None, None
    return reached, place
