"""Snapshots: approved definitions as files, `schemas/<server>/<tool>.json` and folders for what is no tool."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from pdp.core.catalog.definitions.definition import NAMING, Definition, Kind, definition_of
from pdp.core.contract.errors import ConfigurationError, MessageError, Problem
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.method import METHOD_PREFIXES

SCHEMAS: Final = "schemas"

_DIGEST: Final = "digest"
_FOLDERS: Final[Mapping[Kind, str]] = {
    Kind.TOOL: "",
    Kind.PROMPT: "prompts/",
    Kind.RESOURCE: "resources/",
    Kind.TEMPLATE: "templates/",
}
_KINDS: Final = {folder: kind for kind, folder in _FOLDERS.items()}
_PATH: Final = re.compile(r"schemas/(?P<server>[^/]+)/(?P<folder>(?:[^/]+/)?)(?P<file>[^/]+)\.json")
_SERVER: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_LIMITS: Final = JsonLimits(max_bytes=2 * 1024 * 1024, max_depth=128)
_MAX_FILE_NAME: Final = 180
_MARK: Final = 16


def is_server_name(name: str) -> bool:
    """Whether a server can be called so."""
    return _SERVER.fullmatch(name) is not None and name not in METHOD_PREFIXES


def snapshot_path(kind: Kind, *, server: str, name: str) -> str:
    """Where the snapshot of a definition lives, for any name that it can have."""
    return f"{SCHEMAS}/{server}/{_FOLDERS[kind]}{_file_name(name)}.json"


def snapshot_bytes(definition: Definition) -> bytes:
    """The snapshot of `definition`, readable in a diff, the same on every run."""
    ordered = msgspec.json.encode({**definition.content, _DIGEST: definition.pin}, order="deterministic")
    return msgspec.json.format(ordered, indent=2) + b"\n"


def read_snapshot(path: str, raw: bytes) -> Definition:
    """The definition in the file at `path`.

    Raises:
        ConfigurationError: it is not where it belongs, is no definition, or has another digest than it says.

    """
    try:
        place = _PATH.fullmatch(path)
        if place is None or place["folder"] not in _KINDS:
            folders = ", ".join(f"`{folder}`" for folder in _KINDS if folder)
            raise ValueError(f"a snapshot is `schemas/<server>/<tool>.json`, or in one of the folders {folders}")
        kind, server = _KINDS[place["folder"]], place["server"]
        if not is_server_name(server):
            raise ValueError(f"`{server}` cannot be the name of a server")
        content = _object(parse(raw, limits=_LIMITS))
        written = content.pop(_DIGEST, None)
        name = content.get(NAMING[kind])
        if not isinstance(name, str) or not name:
            raise ValueError(f"`{NAMING[kind]}` must be a text")
        wanted = snapshot_path(kind, server=server, name=name)
        if path != wanted:
            raise ValueError(f"the {kind} is called `{name}`, so its file is `{wanted}`")
        definition = definition_of(kind, server=server, content=content)
        if written != definition.pin:
            raise ValueError("the definition does not have the digest written beside it")
        return definition  # noqa: TRY300 - the steps read in order
    except (MessageError, ValueError) as error:
        text = error.caller_text if isinstance(error, MessageError) else str(error)
        raise ConfigurationError([Problem(path, 1, 0, "snapshot_invalid", text)]) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a snapshot is one JSON object")  # noqa: TRY004 - read above
    return value


def _file_name(name: str) -> str:
    """Percent-encoded, dots in front too (such files would be hidden), and cut with a digest where too long."""
    quoted = quote(name, safe="")
    rest = quoted.lstrip(".")
    plain = "%2E" * (len(quoted) - len(rest)) + rest
    if len(plain) > _MAX_FILE_NAME:
        mark = hashlib.sha256(name.encode()).hexdigest()[:_MARK]
        return f"{plain[: _MAX_FILE_NAME - _MARK - 1]}~{mark}"
    return plain
