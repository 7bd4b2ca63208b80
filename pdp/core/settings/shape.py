"""The shape of the settings model: which members a section has and what stands at a path.

A kind is an annotation of the model, unwrapped: a section (`BaseModel`), `dict`, `list`, or a leaf's type.
"""

import types
from collections.abc import Mapping
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from pdp.core.document.tree import SettingPath
from pdp.core.settings.model import Settings


def kind_of(annotation: Any) -> Any:
    """`annotation` without `Annotated` and without `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return kind_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        present = [option for option in get_args(annotation) if option is not type(None)]
        return kind_of(present[0]) if len(present) == 1 else annotation
    return annotation


def kind_at(path: SettingPath) -> Any:
    """The kind at `path`, None where the model has nothing."""
    kind: Any = Settings
    for step in path:
        kind = kind_below(kind, step)
    return kind


def kind_below(kind: Any, step: str | int) -> Any:
    """The kind of member `step` of `kind`, None where there is none."""
    fields = members(kind)
    if fields is not None:
        return fields.get(str(step))
    value = value_kind(kind)
    return value if value is not None else item_kind(kind)


def members(kind: Any) -> Mapping[str, Any] | None:
    """The members of a section by name, None when `kind` is no section."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return None
    return {name: kind_of(field.annotation) for name, field in kind.model_fields.items()}


def value_kind(kind: Any) -> Any:
    """The kind of the values of a mapping with free keys, None when `kind` is no such mapping."""
    return kind_of(get_args(kind)[1]) if get_origin(kind) is dict else None


def item_kind(kind: Any) -> Any:
    """The kind of a list's items, None when `kind` is no list."""
    return kind_of(get_args(kind)[0]) if get_origin(kind) is list else None


def is_text(kind: Any) -> bool:
    """Whether the leaf `kind` is written as text."""
    return isinstance(kind, type) and issubclass(kind, (str, Path, Enum))


def spelled(path: SettingPath) -> str:
    """`path` as people write it: `identity.issuers[0].audience`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def suggestion(name: str, *, known: Mapping[str, Any]) -> str:
    """A clause naming the member of `known` closest to `name`, empty when none is close."""
    close = get_close_matches(name.lower(), [member.lower() for member in known], n=1)
    original = [member for member in known if close and member.lower() == close[0]]
    return f", did you mean `{original[0]}`" if original else ""
