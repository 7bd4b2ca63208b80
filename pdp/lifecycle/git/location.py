"""Which repository, which reference, which folders: checked before `git` is told any of them. No IO."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.hosting.address import Exposure, host_exposure

_SCP: Final = re.compile(
    r"(?:[A-Za-z0-9_][\w.-]*@)?(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):(?![:-]).+", re.ASCII
)
_NOT_IN_NAMES: Final = re.compile(r"[\s~^:?*\[\\]|\.\.|@\{|//|^-|(^|/)\.|\.lock(/|$)|[./]$|^[/@]$|^/")


@dataclass(frozen=True, slots=True)
class Location:
    """A repository as `git` names it, without credentials; `path` where it is on this machine."""

    url: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A repository, the full name of a branch or tag, and where in it `policies` and `schemas` are."""

    location: Location
    reference: str
    folders: Mapping[str, str]

    @property
    def short(self) -> str:
        """The reference as people write it."""
        return self.reference.split("/", 2)[2]


def wanted(url: str, *, reference: str, folders: Mapping[str, str], base: Path, setting: str) -> Wanted:
    """What the settings under `setting` ask for; a path in `url` is relative to `base`.

    Raises:
        ConfigurationError: with everything that cannot be asked for.

    """
    problems = list(filter(None, [_reference_problem(reference), *map(_folder_problem, folders.values())]))
    location = None
    try:
        location = _location(url, base=base)
    except ValueError as error:
        problems.append(str(error))
    if problems or location is None:
        raise ConfigurationError(Problem(setting, 0, 0, "git_invalid", text) for text in problems)
    return Wanted(location, reference, {name: folder.removesuffix("/") for name, folder in folders.items()})


def _location(url: str, *, base: Path) -> Location:
    if not url.isprintable() or url.startswith("-"):
        raise ValueError("an URL is printable and does not begin with a hyphen")
    if "://" in url:
        return _of_url(url, urlsplit(url))
    if ":" in url.partition("/")[0]:
        if _SCP.fullmatch(url) is None:
            raise ValueError("an URL is `https://`, `ssh://`, `user@host:path`, or a path on this machine")
        return Location(url)
    return _of_path(base / url)


def _of_url(url: str, parts: SplitResult) -> Location:
    host = parts.hostname or ""
    if parts.scheme == "file":
        if host or not parts.path.startswith("/"):
            raise ValueError("a `file:` URL is `file:///` and a path on this machine")
        return _of_path(Path(unquote(parts.path)))
    if parts.scheme not in {"https", "http", "ssh"} or not host or host.startswith("-"):
        raise ValueError("an URL is `https://HOST/PATH` or `ssh://HOST/PATH`")
    if parts.scheme == "http" and host_exposure(host) is not Exposure.LOOPBACK:
        raise ValueError("`http://` is for this machine only, since anybody on the way could change what it brings")
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        raise ValueError("credentials do not belong in the URL: they are the settings `user` and `password`")
    if (parts.username or "").startswith("-") or parts.query or parts.fragment:
        raise ValueError("an URL has no query, no fragment, and no name that begins with a hyphen")
    return Location(url)


def _of_path(path: Path) -> Location:
    path = path.absolute()
    return Location(str(path), path)


def _reference_problem(reference: str) -> str | None:
    name = reference.split("/", 2)[2]
    if name.isprintable() and not _NOT_IN_NAMES.search(name):
        return None
    return "a branch or tag is named as `git check-ref-format` wants it, and does not begin with a hyphen"


def _folder_problem(folder: str) -> str | None:
    parts = folder.removesuffix("/").split("/")
    if folder.isprintable() and "\\" not in folder and all(part and not part.startswith(".") for part in parts):
        return None
    return "a folder is a path in the repository, relative, and no part of it begins with a dot"
