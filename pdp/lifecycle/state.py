"""What must outlive a restart: the newest bundle that was believed, the keys it was believed by, the last good one.

Processes that share the folder, and so the numbers they give, take turns by a lock.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pdp.core.bundle.admission import Newest
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.head import Head
from pdp.core.bundle.trust import Trust, trust_of
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, ConfigurationError, Problem
from pdp.lifecycle.archive_directory import write_whole

_NEWEST: Final = "serial.json"
_TRUST: Final = "trust.json"
_HEAD: Final = "active.json"
_LOCK: Final = "bundle.lock"


class StateError(ConfigurationError):
    """The state cannot be read or written now."""


class _KeptTrust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest root of trust, and the digest of the configured one that led to it."""

    configured: str
    newest: Envelope


class BundleState:
    """Keeps it in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def newest(self) -> Newest:
        """The newest bundle that was believed.

        Raises:
            StateError: that cannot be read, so nobody knows what would be a step back.

        """
        with self._usable(_NEWEST):
            raw = self._read(_NEWEST)
            return Newest() if raw is None else msgspec.json.decode(raw, type=Newest)

    def number(self, digest: str) -> int:
        """The serial of the bundle with that digest: a new digest gets the next one, on disk before it is used.

        Raises:
            StateError: the state cannot be read or written.

        """
        with self._locked():
            newest = self.newest()
            if newest.digest == digest:
                return newest.serial
            self._keep_newest(Newest(newest.serial + 1, digest))
            return newest.serial + 1

    def advance(self, serial: int, digest: str) -> None:
        """Remember that the bundle of `serial` was believed.

        Raises:
            BundleError: `bundle_untrusted`, it is a step back, or another with the same serial.
            StateError: the state cannot be read or written.

        """
        with self._locked():
            self.newest().check(serial, digest)
            self._keep_newest(Newest(serial, digest))

    def trust(self, configured: Trust) -> Trust:
        """The newest root of trust that `configured` led to.

        Raises:
            StateError: the state cannot be read.

        """
        with self._usable(_TRUST):
            raw = self._read(_TRUST)
            if raw is None:
                return configured
            kept = msgspec.json.decode(raw, type=_KeptTrust)
            if kept.configured != _name_of(configured):
                return configured
            return trust_of(kept.newest)

    def keep_trust(self, newest: Trust, *, configured: Trust) -> None:
        """Remember where `configured` led to.

        Raises:
            StateError: the state cannot be written.

        """
        with self._usable(_TRUST):
            self._write(_TRUST, msgspec.json.encode(_KeptTrust(_name_of(configured), newest.envelope)))

    def last_good(self) -> tuple[Head, bytes] | None:
        """What was active last: the head of it, and its content; None before the first.

        Raises:
            StateError: it cannot be read.

        """
        with self._usable(_HEAD):
            raw = self._read(_HEAD)
            if raw is None:
                return None
            head = Head.from_json(raw)
            content = self._read(_content_file(head.unverified().digest))
            return None if content is None else (head, content)

    def content(self, digest: str) -> bytes | None:
        """The content of what is active, None where that has another digest.

        Raises:
            StateError: it cannot be read.

        """
        name = _content_file(digest)
        with self._usable(name):
            content = self._read(name)
            return None if content is None or digest_of(content) != digest else content

    def keep_content(self, digest: str, content: bytes) -> None:
        """Remember the content of what is active next.

        Raises:
            StateError: the state cannot be written.

        """
        name = _content_file(digest)
        with self._usable(name):
            self._write(name, content)

    def keep_head(self, head: Head, *, digest: str) -> None:
        """Remember `head`, whose content has that digest, as what is active; other contents are let go.

        Raises:
            StateError: the state cannot be written.

        """
        with self._usable(_HEAD):
            self._write(_HEAD, head.to_json())
            for other in self._directory.glob(_content_file("*")):
                if other.name != _content_file(digest):
                    other.unlink(missing_ok=True)

    def _keep_newest(self, newest: Newest) -> None:
        with self._usable(_NEWEST):
            self._write(_NEWEST, msgspec.json.encode(newest))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._usable(_LOCK):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with self._usable(_LOCK):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _usable(self, name: str) -> Iterator[None]:
        try:
            yield
        except (OSError, msgspec.MsgspecError, BundleError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error)
            text = f"the state of bundles cannot be used: {cause}"
            problem = Problem(str(self._directory / name), 0, 0, "state_unusable", text)
            raise StateError([problem]) from error

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, name: str, content: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._directory / name, content)


def _content_file(digest: str) -> str:
    return f"active.{digest.removeprefix('sha256:')}.json"


def _name_of(trust: Trust) -> str:
    return digest_of(trust.document.to_json())
