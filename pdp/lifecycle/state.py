"""What must outlive a restart: the newest bundle that was believed, the keys it was believed by, the last good one.

Processes that share the folder, and so the numbers they give, take turns by a lock.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pdp.core.bundle.admission import Newest
from pdp.core.bundle.content import shown
from pdp.core.bundle.envelope import Envelope, sealed
from pdp.core.bundle.head import Head, checked_files
from pdp.core.bundle.manifest import MAX_SERIAL, PAYLOAD_TYPE, Manifest
from pdp.core.bundle.trust import PAYLOAD_TYPE as TRUST_TYPE
from pdp.core.bundle.trust import Trust, advances
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, ConfigurationError, Problem
from pdp.hosting.whole_file import write_whole

_NEWEST: Final = "serial.json"
_TRUST: Final = "trust.json"
_HEAD: Final = "active.json"
_LOCK: Final = "bundle.lock"


class StateError(ConfigurationError):
    """The state cannot be read or written now."""


class _Lineage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Versions of the root of trust, each signed by the one before."""

    versions: tuple[Envelope, ...]


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
            newest = Newest() if raw is None else msgspec.json.decode(raw, type=Newest)
            if not 0 <= newest.serial <= MAX_SERIAL:
                raise ValueError(f"{newest.serial} is no serial")
            return newest

    def keep(self, head: Head, content: bytes | None, *, active: Newest) -> None:
        """Remember `head`, and where it is another than that of `active` its content, before it becomes active.

        Raises:
            BundleError: `bundle_untrusted`, it is a step back, or another with the same serial.
            StateError: the state cannot be read or written.

        """
        manifest = head.unverified()
        with self._locked():
            self._newest_with(active).check(manifest.serial, manifest.digest)
            self._keep(head, manifest, content)

    def keep_numbered(self, manifest: Manifest, content: bytes | None, *, active: Newest) -> Head:
        """As `keep`, for what has no serial yet: the content keeps the newest one, or gets the next.

        Raises:
            StateError: the state cannot be read or written.

        """
        with self._locked():
            newest = self._newest_with(active)
            serial = newest.serial if newest.digest == manifest.digest else newest.serial + 1
            with self._usable(_NEWEST):
                if serial > MAX_SERIAL:
                    raise ValueError("there are no serials left")
            numbered = msgspec.structs.replace(manifest, serial=serial)
            head = Head(sealed(PAYLOAD_TYPE, numbered.to_json()))
            self._keep(head, numbered, content)
            return head

    def last_good(self) -> tuple[Head, Mapping[str, bytes]] | None:
        """What was active last: what is signed about it, and its files; None before the first.

        Raises:
            StateError: it cannot be read, or is not what was kept.

        """
        with self._usable(_HEAD):
            raw = self._read(_HEAD)
            if raw is None:
                return None
            head = Head.from_json(raw)
            manifest, newest = head.unverified(), self.newest()
            if manifest.serial > newest.serial:
                raise ValueError(f"serial {manifest.serial} was never believed here")
            if manifest.serial == newest.serial:
                newest.check(manifest.serial, manifest.digest)
        name = _content_file(manifest.digest)
        with self._usable(name):
            content = self._read(name)
            return None if content is None else (head, checked_files(manifest, content))

    def content(self, digest: str) -> bytes | None:
        """The content of what is active, None where that has another digest.

        Raises:
            StateError: it cannot be read.

        """
        name = _content_file(digest)
        with self._usable(name):
            content = self._read(name)
            return None if content is None or digest_of(content) != digest else content

    def lineage(self, configured: Trust) -> Sequence[Trust]:
        """`configured` and every version of the root of trust that it led to, the newest last.

        Raises:
            StateError: the state cannot be read, or is not what was kept.

        """
        with self._usable(_TRUST):
            raw = self._read(_TRUST)
            kept = () if raw is None else msgspec.json.decode(raw, type=_Lineage).versions
            lineage = [configured]
            for envelope in kept[_index_of(configured, kept) + 1 :]:
                lineage += advances(lineage[-1], [envelope])
            return lineage

    def keep_lineage(self, lineage: Sequence[Trust]) -> None:
        """Remember it, where nobody got further from its first.

        Raises:
            StateError: the state cannot be read or written.

        """
        with self._locked():
            if len(self.lineage(lineage[0])) < len(lineage):
                content = msgspec.json.encode(_Lineage(tuple(trust.envelope for trust in lineage)))
                with self._usable(_TRUST):
                    self._write(_TRUST, content)

    def _newest_with(self, active: Newest) -> Newest:
        """What nothing may be older than, also where the state was lost since `active` became active."""
        newest = self.newest()
        return active if active.serial > newest.serial else newest

    def _keep(self, head: Head, manifest: Manifest, content: bytes | None) -> None:
        """The head comes last, so that there is always one with its content."""
        name = _content_file(manifest.digest)
        if content is not None:
            with self._usable(name):
                self._write(name, content)
        with self._usable(_NEWEST):
            self._write(_NEWEST, msgspec.json.encode(Newest(manifest.serial, manifest.digest)))
        with self._usable(_HEAD):
            self._write(_HEAD, head.to_json())
            for other in self._directory.glob(_content_file("*")):
                if other.name != name:
                    other.unlink(missing_ok=True)

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
        except (OSError, msgspec.MsgspecError, ValueError, BundleError) as error:
            cause = error.strerror if isinstance(error, OSError) else shown(str(error))
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


def _index_of(trust: Trust, kept: Sequence[Envelope]) -> int:
    """Where `trust` is in `kept`; at its end where it is not, so that nothing of another lineage counts."""
    payload = trust.document.to_json()
    found = (at for at, envelope in enumerate(kept) if envelope.unverified(TRUST_TYPE) == payload)
    return next(found, len(kept))
