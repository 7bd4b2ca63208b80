"""The keys with which enforcers show who they are."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pdp.audit.readings import WRITER as READER
from pdp.core.contract import base64url
from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError
from pdp.core.settings.model import Settings
from pdp.tokens.secret_file import obtain_secret

OWN_WRITER: Final = "pdp"
"""The writer of records that the decision point makes itself, so no enforcer may be called so."""

_TAKEN: Final = frozenset({OWN_WRITER, READER})
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_KEY: Final = re.compile(rb"[A-Za-z0-9._~+/=-]{32,512}")
_KEY_BYTES: Final = 32


class EnforcerKeys:
    """Which key belongs to which enforcer."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._digests = {name: hashlib.sha256(key).digest() for name, key in keys.items()}

    def owner(self, key: bytes) -> str | None:
        """The name of the enforcer whose key this is; takes as long whichever it is, or none."""
        presented = hashlib.sha256(key).digest()
        owner = None
        for name, digest in self._digests.items():
            if hmac.compare_digest(digest, presented):
                owner = name
        return owner


def read_enforcer_keys(settings: Settings, *, base: Path, randomness: Callable[[int], bytes]) -> EnforcerKeys:
    """The keys of `pdp.enforcers` and of the gateway of the same file; key files that are not there are made.

    Raises:
        ConfigurationError: a name that cannot be an enforcer's, or two with one key.
        UnusableError: a key file cannot be made, others can read it, or it holds no key.

    """
    named = {name: enforcer.key for name, enforcer in settings.pdp.enforcers.items()}
    files = {settings.gateway.name: settings.gateway.key, **named}
    problems = [_bad_name(name) for name in files if not _NAME.fullmatch(name) or name in _TAKEN]
    if problems:
        raise ConfigurationError(problems)
    keys = {name: _key(base / file, randomness) for name, file in files.items() if file is not None}
    by_key: dict[bytes, str] = {}
    for name, key in sorted(keys.items()):
        if key in by_key:
            problems.append(_problem(f"`{by_key[key]}` and `{name}` have the same key: give each its own key file"))
        by_key[key] = name
    if problems:
        raise ConfigurationError(problems)
    return EnforcerKeys(keys)


def new_key(randomness: Callable[[int], bytes]) -> bytes:
    """A key of 32 random bytes, base64url."""
    return base64url.encode(randomness(_KEY_BYTES)).encode("ascii")


def _key(path: Path, randomness: Callable[[int], bytes]) -> bytes:
    key = obtain_secret(path, lambda: new_key(randomness) + b"\n").strip()
    if not _KEY.fullmatch(key):
        raise UnusableError(f"`{path}` holds no key: remove it and a new one is made")
    return key


def _bad_name(name: str) -> Problem:
    rule = f"use lower-case letters, digits, hyphens, and neither `{OWN_WRITER}` nor `{READER}`"
    return _problem(f"`{name}` cannot be an enforcer's name: {rule}")


def _problem(message: str) -> Problem:
    return Problem("pdp.enforcers", 0, 0, "enforcer_invalid", message)
