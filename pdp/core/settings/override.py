"""`TOOLGATE__SECTION__KEY=value`: settings that the environment overrides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.contract.errors import Problem
from pdp.core.document.reading import parse_document
from pdp.core.document.scalar import unprintable
from pdp.core.document.tree import SettingPath
from pdp.core.settings.model import Settings
from pdp.core.settings.shape import is_text, kind_below, members, suggestion, value_kind

PREFIX: Final = "TOOLGATE__"
_SEPARATOR: Final = "__"
_INDEX: Final = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Override:
    """One setting that the environment gives."""

    variable: str
    path: SettingPath
    value: Any


class _NoSuchSetting(Exception):  # noqa: N818 - becomes a problem at the one place that catches it
    """No setting has this name; the message says which part of it."""


def source_of(variable: str) -> str:
    """The name of an override in problems and origins."""
    return f"environment:{variable}"


def read_overrides(environ: Mapping[str, str], *, tree: Any) -> tuple[list[Override], list[Problem]]:
    """The overrides in `environ`, outer settings before inner ones, and what is wrong with them.

    `tree` is the file's, for the names of servers and the like that are not the model's.
    """
    overrides: dict[SettingPath, Override] = {}
    problems: list[Problem] = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        try:
            path, kind = _resolve(variable.removeprefix(PREFIX).split(_SEPARATOR), tree=tree)
        except _NoSuchSetting as error:
            problems.append(Problem(source_of(variable), 0, 0, "setting_unknown", str(error)))
            continue
        value, found = _value(variable, environ[variable], kind=kind)
        if path in overrides:
            message = f"the same setting as `{overrides[path].variable}`"
            found.append(Problem(source_of(variable), 0, 0, "override_repeated", message))
        problems += found
        if not found:
            overrides[path] = Override(variable, path, value)
    return sorted(overrides.values(), key=lambda override: len(override.path)), problems


def apply(override: Override, *, tree: dict[str, Any]) -> Problem | None:
    """Put the override's value into `tree`, or say why it has no place there."""
    *parents, last = override.path
    node: Any = tree
    for step in parents:
        if isinstance(node, dict) and node.get(step) is None:
            node[step] = {}
        node = below(node, step)
    if isinstance(node, dict):
        node[last] = override.value
        return None
    if isinstance(node, list) and isinstance(last, int):
        node[last] = override.value
        return None
    message = "the file has no section where this setting belongs"
    return Problem(source_of(override.variable), 0, 0, "override_unusable", message)


def below(node: Any, step: str | int) -> Any:
    """What `node` has under `step`, None where it has nothing."""
    if isinstance(node, dict):
        return node.get(step)
    return node[step] if isinstance(node, list) and isinstance(step, int) else None


def _resolve(segments: list[str], *, tree: Any) -> tuple[SettingPath, Any]:
    path: SettingPath = ()
    kind: Any = Settings
    node = tree
    while segments:
        if value_kind(kind) is not None and members(value_kind(kind)) is None:
            segments = [_SEPARATOR.join(segments)]  # the key of a leaf may itself hold `__`
        step = _step(segments[0], kind=kind, node=node)
        segments = segments[1:]
        kind = kind_below(kind, step)
        node = below(node, step)
        path = (*path, step)
    return path, kind


def _step(segment: str, *, kind: Any, node: Any) -> str | int:
    fields = members(kind)
    values = value_kind(kind)
    if fields is not None:
        found = [name for name in fields if name.lower() == segment.lower()]
        if not found:
            raise _NoSuchSetting(f"`{segment[:64]}` is not a setting{suggestion(segment, known=fields)}")
        return found[0]
    if values is not None:
        return _key(segment, node=node, new=segment if members(values) is None else _server_style(segment))
    if isinstance(node, list) and _INDEX.fullmatch(segment) and int(segment) < len(node):
        return int(segment)
    raise _NoSuchSetting(f"there is no setting `{segment[:64]}` at this place")


def _key(segment: str, *, node: Any, new: str) -> str:
    """The key of `node` that `segment` names, else `new`."""
    keys = [key for key in node if isinstance(key, str)] if isinstance(node, dict) else []
    if segment in keys:
        return segment
    alike = [key for key in keys if _server_style(key) == _server_style(segment)]
    return alike[0] if len(alike) == 1 else new


def _server_style(name: str) -> str:
    return name.lower().replace("_", "-")


def _value(variable: str, text: str, *, kind: Any) -> tuple[Any, list[Problem]]:
    """Text for a setting that is text, so that no secret is taken for YAML; else YAML."""
    if is_text(kind):
        bad = unprintable(text)
        message = f"character {bad.name} is not allowed" if bad else ""
        return text, [Problem(source_of(variable), 0, 0, "unprintable", message)] if bad else []
    document = parse_document(text, file=source_of(variable))
    return document.tree, document.problems
