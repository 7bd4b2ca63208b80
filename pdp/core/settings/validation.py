"""What the model says against a tree of settings, as problems with a place."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pdp.core.contract.errors import Problem
from pdp.core.document.tree import SettingPath
from pdp.core.settings.origin import Origin, Sources
from pdp.core.settings.shape import kind_at, members, spelled, suggestion

_KEY_MARK: Final = "[key]"
# pydantic's texts may change with its version, and they quote inputs in some cases; these are ours.
_MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string_type": "must be text",
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "bool_type": "must be `true` or `false`",
        "dict_type": "must be a section of `key: value` lines",
        "model_type": "must be a section of `key: value` lines",
        "list_type": "must be a list",
        "is_instance_of": "must be a path",
        "enum": "must be one of {expected}",
        "literal_error": "must be {expected}",
        "greater_than": "must be greater than {gt:g}",
        "greater_than_equal": "must be at least {ge:g}",
        "less_than": "must be less than {lt:g}",
        "less_than_equal": "must be at most {le:g}",
        "string_too_short": "must have at least {min_length} character",
        "too_short": "must have at least {min_length} item",
        "string_pattern_mismatch": "must match `{pattern}`",
    }
)


def problems_of(error: ValidationError, *, sources: Sources) -> Iterator[Problem]:
    """Each thing wrong with the tree, without those that only follow from a problem reported already."""
    broken = sources.document.broken
    for detail in error.errors(include_url=False, include_input=False):
        path, is_key = _path(detail["loc"])
        around = detail["type"] == "value_error" and any(other[: len(path)] == path for other in broken)
        if not around and not any(path[: len(other)] == other for other in broken):
            yield _problem(detail, path, place=sources.of_key if is_key else sources.of_value, sources=sources)


def _problem(
    detail: ErrorDetails, path: SettingPath, *, place: Callable[[SettingPath], Origin], sources: Sources
) -> Problem:
    match detail["type"]:
        case "missing":
            return _at(sources.of_key(path[:-1]), "setting_missing", f"`{spelled(path)}` is required")
        case "extra_forbidden":
            known = members(kind_at(path[:-1])) or {}
            hint = suggestion(str(path[-1]), known=known)
            return _at(sources.of_key(path), "setting_unknown", f"`{spelled(path)}` is not a setting{hint}")
        case _:
            return _at(place(path), "setting_invalid", f"`{spelled(path)}`: {_message(detail)}")


def _at(origin: Origin, code: str, message: str) -> Problem:
    return Problem(origin.source, origin.line, origin.column, code, message)


def _message(detail: ErrorDetails) -> str:
    context: dict[str, Any] = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return str(context["error"])
    known = _MESSAGES.get(detail["type"])
    return known.format_map(context) if known else f"is not valid ({detail['type']})"


def _path(location: tuple[str | int, ...]) -> tuple[SettingPath, bool]:
    if location and location[-1] == _KEY_MARK:
        return location[:-1], True
    return location, False
