"""A bundle's content: its files as one canonical document, whose SHA-256 is the bundle's digest.

The same files have the same digest on any machine, whatever brought them there.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

import msgspec

from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.contract.exact_json import canonical

POLICIES: Final = "policies/"
SCHEMAS: Final = "schemas/"
CATALOG_FILE: Final = "policies/catalog.yaml"
IDENTITY_FILE: Final = "policies/identity.yaml"
LINKS_SUFFIX: Final = ".links.yaml"
MEDIA_TYPE: Final = "application/vnd.toolgate.bundle.content.v1+json"

_MAX_PATH: Final = 1024


class Part(StrEnum):
    """What a file of a bundle is."""

    POLICIES = "policies"
    LINKS = "links"
    MAPPING = "mapping"
    CATALOG = "catalog"
    SNAPSHOTS = "snapshots"


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """Bounds on a bundle: bytes of one file, number of files, bytes of all of them as one document."""

    max_file_bytes: int = 4 * 1024 * 1024
    max_files: int = 50_000
    max_bytes: int = 128 * 1024 * 1024


LIMITS: Final = ContentLimits()


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    files: dict[str, str]


_BY_NAME: Final = {CATALOG_FILE: Part.CATALOG, IDENTITY_FILE: Part.MAPPING}
_BY_FORM: Final = (
    (POLICIES, LINKS_SUFFIX, Part.LINKS),
    (POLICIES, ".cedar", Part.POLICIES),
    (SCHEMAS, ".json", Part.SNAPSHOTS),
)


def part_of(path: str) -> Part | None:
    """What the file at `path` is, None where it is nothing that a bundle has."""
    if path in _BY_NAME:
        return _BY_NAME[path]
    for folder, suffix, part in _BY_FORM:
        if path.startswith(folder) and path.endswith(suffix):
            return part
    return None


def encode(files: Mapping[str, bytes], *, limits: ContentLimits = LIMITS) -> bytes:
    """The document with `files`, paths to bytes.

    Raises:
        ConfigurationError: with every file that a bundle cannot have.

    """
    problems = list(problems_in_files(files, limits=limits))
    if problems:
        raise ConfigurationError(problems)
    content = canonical(_Content(1, {path: raw.decode("utf-8") for path, raw in files.items()}))
    if len(content) > limits.max_bytes:
        raise ConfigurationError([_over(limits)])
    return content


def decode(content: bytes, *, limits: ContentLimits = LIMITS) -> dict[str, bytes]:
    """The files in `content`.

    Raises:
        ConfigurationError: it is no such document, not its one spelling, or has files that a bundle cannot have.

    """
    if len(content) > limits.max_bytes:
        raise ConfigurationError([_over(limits)])
    try:
        found = msgspec.json.decode(content, type=_Content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            [_problem("", "content_malformed", f"this is no bundle's content: {shown(str(error))}")]
        ) from error
    if canonical(found) != content:
        text = "this is not the one spelling of a bundle's content"
        raise ConfigurationError([_problem("", "content_malformed", text)])
    files = {path: text.encode("utf-8") for path, text in found.files.items()}
    problems = list(problems_in_files(files, limits=limits))
    if problems:
        raise ConfigurationError(problems)
    return files


def content_digest(files: Mapping[str, bytes]) -> str:
    """The digest of the bundle with `files`, whatever its serial.

    Raises:
        ConfigurationError: as `encode`.

    """
    return digest_of(encode(files))


def problems_in_files(files: Mapping[str, bytes], *, limits: ContentLimits = LIMITS) -> Iterator[Problem]:
    """All that is wrong with `files` before anything of them is read: names, sizes, encoding."""
    if len(files) > limits.max_files:
        yield _problem("", "too_many_files", f"a bundle has at most {limits.max_files} files")
        return
    if sum(len(raw) for raw in files.values()) > limits.max_bytes:
        yield _over(limits)
    folded: dict[str, str] = {}
    for path, raw in sorted(files.items()):
        yield from _problems_in_file(path, raw, limits)
        other = folded.setdefault(path.casefold(), path)
        if other != path:
            yield _problem(
                path, "name_collision", f"`{shown(other)}` differs in case only, so on some machines it is one file"
            )
    ordered = sorted(folded)
    for name in ordered:
        at = bisect_left(ordered, f"{name}/")
        if at < len(ordered) and ordered[at].startswith(f"{name}/"):
            text = f"`{shown(folded[name])}` is a file, so it is no folder"
            yield _problem(folded[ordered[at]], "name_collision", text)


def _problems_in_file(path: str, raw: bytes, limits: ContentLimits) -> Iterator[Problem]:
    problem = path_problem(path)
    if problem is not None:
        yield problem
    if len(raw) > limits.max_file_bytes:
        yield _problem(path, "too_large", f"a source has at most {limits.max_file_bytes} bytes")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        yield Problem(shown(path), line, 0, "encoding", f"the file is not UTF-8 at byte {error.start}")


def path_problem(path: str) -> Problem | None:
    """What is wrong with `path` as the name of a bundle's file, None where nothing is."""
    if len(path) > _MAX_PATH or not path.isprintable() or "\\" in path or not unicodedata.is_normalized("NFC", path):
        text = f"a name is printable, in Unicode's form NFC, without backslashes, of at most {_MAX_PATH} characters"
        return _problem(path, "name_invalid", text)
    if any(not segment or segment.startswith(".") for segment in path.split("/")):
        return _problem(path, "name_invalid", "no part of a name is empty or begins with a dot")
    if part_of(path) is None:
        text = "policies are `*.cedar`, `*.links.yaml`, `catalog.yaml` and `identity.yaml`, schemas are `*.json`"
        return _problem(path, "file_unknown", text)
    return None


def shown(path: str) -> str:
    """`path` as a problem names it: one line, bounded, nothing in it acts on a terminal."""
    text = "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in path[:200])
    return text or "bundle"


def _over(limits: ContentLimits) -> Problem:
    return _problem("", "too_large", f"a bundle has at most {limits.max_bytes} bytes")


def _problem(path: str, code: str, message: str) -> Problem:
    return Problem(shown(path), 0, 0, code, message)
