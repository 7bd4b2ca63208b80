"""From text and environment to settings, or to every problem there is with them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError
from pdp.core.document.reading import decode, parse_document
from pdp.core.document.tree import Document, DocumentLimits, SettingPath
from pdp.core.settings.interpolation import interpolate
from pdp.core.settings.model import Settings
from pdp.core.settings.origin import Origin, OriginKind, Sources
from pdp.core.settings.override import apply, read_overrides
from pdp.core.settings.shape import item_kind, kind_at, members, value_kind
from pdp.core.settings.validation import problems_of

_LIMITS: Final = DocumentLimits()


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings with, for each leaf, where it comes from and how it is written there.

    `written` holds values before `${NAME}` is replaced, and durations and defaults as a file would have
    them: it is what may be shown.
    """

    settings: Settings
    origins: Mapping[SettingPath, Origin]
    written: Mapping[SettingPath, Any]


def read_settings(path: Path, *, environ: Mapping[str, str]) -> LoadedSettings:
    """The settings in the file at `path`.

    Raises:
        UnusableError: there is no such file, or it cannot be read.
        ConfigurationError: with every problem found.

    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LIMITS.max_bytes + 1)
    except FileNotFoundError as error:
        raise UnusableError(
            f"there is no `{path}`: write one (`version: 1` is the least), or name another file with `--config`"
        ) from error
    except OSError as error:
        raise UnusableError(f"`{path}` cannot be read: {error.strerror}") from error
    return load(decode(raw, file=str(path), limits=_LIMITS), file=str(path), environ=environ)


def load(text: str, *, file: str, environ: Mapping[str, str]) -> LoadedSettings:
    """The settings in `text`, with `environ`'s overrides and variables.

    Raises:
        ConfigurationError: with every problem found, those of the environment included.

    """
    document = parse_document(text, file=file, limits=_LIMITS)
    problems = list(document.problems)
    tree = document.tree
    if not isinstance(tree, dict):
        problems += _no_section(document, file)
        tree = {}
    # (1) the environment's overrides, so that what they replace needs no variables
    overrides, found = read_overrides(environ, tree=tree)
    problems += found
    problems += [problem for override in overrides if (problem := apply(override, tree=tree))]
    sources = Sources(file, document, {override.path: override.variable for override in overrides})
    # (2) variables
    filled = _filled(tree, (), sources=sources, environ=environ, problems=problems)
    # (3) the model
    try:
        settings = Settings.model_validate(filled)
    except ValidationError as error:
        if isinstance(document.tree, dict):
            problems += problems_of(error, sources=sources)
        raise ConfigurationError(problems) from error
    if problems:
        raise ConfigurationError(problems)
    written = dict(_leaves(tree, ()))
    return LoadedSettings(settings, {path: _origin(path, tree, sources) for path in written}, written)


def _no_section(document: Document, file: str) -> list[Problem]:
    if document.problems:
        return []
    if document.tree is None:
        return [Problem(file, 0, 0, "setting_missing", "the file says nothing, it needs at least `version: 1`")]
    return [Problem(file, 1, 0, "setting_invalid", "the file must be a section of `key: value` lines")]


def _filled(
    node: Any, path: SettingPath, *, sources: Sources, environ: Mapping[str, str], problems: list[Problem]
) -> Any:
    """`node` with its variables put in; what the environment overrides is taken as it is."""
    if path in sources.overridden:
        return node
    if isinstance(node, dict):
        return {
            key: _filled(value, (*path, key), sources=sources, environ=environ, problems=problems)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [
            _filled(value, (*path, index), sources=sources, environ=environ, problems=problems)
            for index, value in enumerate(node)
        ]
    if not isinstance(node, str):
        return node
    result = interpolate(node, environ=environ)
    if result.problems:
        origin = sources.of_value(path)
        problems += [Problem(origin.source, origin.line, origin.column, *problem) for problem in result.problems]
        sources.document.broken.add(path)
    return result.text


def _leaves(node: Any, path: SettingPath) -> Iterator[tuple[SettingPath, Any]]:
    """Every leaf of the settings below `path`: what `node` says, else the default."""
    kind = kind_at(path)
    fields = members(kind)
    if fields is not None and isinstance(node, dict):
        for name in fields:
            value = node[name] if name in node else _default(kind, name)
            yield from _leaves(value, (*path, name))
    elif value_kind(kind) is not None and isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    elif members(item_kind(kind)) is not None and isinstance(node, list) and node:
        for index, value in enumerate(node):
            yield from _leaves(value, (*path, index))
    else:
        yield path, node


def _default(section: type[BaseModel], name: str) -> Any:
    """The default of a member as a file would have it; a section's is an empty one."""
    value = section.model_fields[name].get_default()
    if isinstance(value, BaseModel):
        return {}
    return str(value) if isinstance(value, str | Path) else value


def _origin(path: SettingPath, tree: Any, sources: Sources) -> Origin:
    node = tree
    for step in path:
        if isinstance(node, dict) and step not in node:
            return Origin(OriginKind.DEFAULT)
        node = node[step]
    return sources.of_value(path)
