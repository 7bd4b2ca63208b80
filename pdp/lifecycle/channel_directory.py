"""A channel in a folder of this machine, which any web server can serve as it is.

current.json, canary.json         heads
serials/7.json                    what was published under serial 7, for good
contents/sha256-<hex>.json        contents by digest
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pdp.core.bundle.content import LIMITS
from pdp.core.bundle.head import MAX_HEAD_BYTES, Head
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from pdp.hosting.whole_file import write_whole
from pdp.lifecycle.channel import CURRENT, ConflictError, content_path, head_path, serial_path
from pdp.lifecycle.source import SourceError

_LOCK: Final = ".lock"


class DirectoryChannel:
    """Publishes in `directory`, made where there is none; publishers of one machine take turns by a lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def name(self) -> str:
        """The folder."""
        return f"file:{self._directory}"

    def head(self, name: str = CURRENT) -> Head | None:
        """The head of that name as it is now."""
        return self._head(head_path(name))

    def of_serial(self, serial: int) -> Head | None:
        """What was published under `serial`."""
        return self._head(serial_path(serial))

    def content(self, digest: str) -> bytes:
        """The content with that digest, checked."""
        content = self._read(content_path(digest), most=LIMITS.max_bytes)
        if content is None:
            raise SourceError(f"`{self.name}` has no content {digest}")
        if digest_of(content) != digest:
            text = f"`{content_path(digest)}` in `{self.name}` has another digest than its name"
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, text)
        return content

    def publish(self, head: Head, content: bytes, *, name: str = CURRENT) -> None:
        """Put `content`, then its serial, then the head; a serial is given once."""
        manifest = head.unverified()
        with self._locked():
            if not self._path(content_path(manifest.digest)).exists():
                self._write(content_path(manifest.digest), content)
            taken = self.of_serial(manifest.serial)
            if taken is not None and taken.manifest.payload != head.manifest.payload:
                raise ConflictError(f"serial {manifest.serial} was given in the meantime: publish again")
            self._check_newer(manifest.serial, name)
            if taken is None:
                self._write(serial_path(manifest.serial), head.to_json())
            self._write(head_path(name), head.to_json())

    def renew(self, head: Head, *, name: str = CURRENT) -> None:
        """Replace the head of that name by one with the same manifest."""
        with self._locked():
            now = self.head(name)
            if now is None or now.manifest.payload != head.manifest.payload:
                raise ConflictError("another bundle was published in the meantime")
            self._write(head_path(name), head.to_json())

    def _check_newer(self, serial: int, name: str) -> None:
        now = self.head(name)
        if now is not None and now.unverified().serial > serial:
            raise ConflictError(f"serial {now.unverified().serial} was published in the meantime: publish again")

    def _head(self, path: str) -> Head | None:
        raw = self._read(path, most=MAX_HEAD_BYTES)
        return None if raw is None else Head.from_json(raw)

    def _read(self, path: str, *, most: int) -> bytes | None:
        with self._usable(path):
            try:
                descriptor = os.open(self._path(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            with os.fdopen(descriptor, "rb") as file:
                content = file.read(most + 1)
        if len(content) > most:
            text = f"`{path}` in `{self.name}` has more than {most} bytes"
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, text)
        return content

    def _write(self, path: str, content: bytes) -> None:
        target = self._path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
        target.chmod(0o644)  # a web server may be another user

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._usable(_LOCK):
            self._directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    @contextmanager
    def _usable(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SourceError(f"`{path}` in `{self.name}` cannot be used: {error.strerror}") from error

    def _path(self, path: str) -> Path:
        return self._directory / path
