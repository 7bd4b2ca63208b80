"""The manifest: a bundle's serial, the digest of its content, and what each file of it must be."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from pdp.core.bundle.content import content_digest, shown
from pdp.core.contract.errors import BundleError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode

PAYLOAD_TYPE: Final = "application/vnd.toolgate.bundle.manifest.v1+json"
MAX_SERIAL: Final = 2**53 - 1
"""The largest integer that every reader of JSON carries exactly."""

_SERIAL: Final = re.compile(r"[1-9][0-9]{0,15}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_TOLD: Final = 1024


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle's serial (the generation of its decisions) and its digest.

    `parts` maps each source file's path to the digest of its bytes; `digest` is that of all of them. `published` is
    when it was signed (RFC 3339), `origin` where its files are from, `rollback` the serial or digest of the bundle that
    it goes back to.
    """

    serial: int
    digest: str
    parts: dict[str, str]
    published: str | None = None
    origin: str | None = None
    rollback: str | None = None
    version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Its canonical JSON: what is signed."""
        return canonical(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Manifest":
        """The manifest in `raw`.

        Raises:
            BundleError: `bundle_untrusted`, it is none.

        """
        try:
            manifest = msgspec.json.decode(raw, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _untrusted(f"this is no manifest: {shown(str(error))}") from error
        _check_form(manifest)
        return manifest

    def check(self, files: Mapping[str, bytes], *, digest: str) -> None:
        """Pass the files that it is about, whose content has the digest `digest`.

        Raises:
            BundleError: `bundle_untrusted`, naming the first file that is another, is missing or was added.

        """
        found = _parts(files)
        for path in sorted(self.parts.keys() | found.keys()):
            if self.parts.get(path) != found.get(path):
                raise _untrusted(f"`{shown(path)}` is not as the manifest of serial {self.serial} says")
        if digest != self.digest:
            raise _untrusted(f"the content is not that of serial {self.serial}")


def manifest_of(
    files: Mapping[str, bytes],
    *,
    serial: int,
    published: str | None = None,
    origin: str | None = None,
    rollback: str | None = None,
) -> Manifest:
    """The manifest of `files` under `serial`; the same files have the same digest anywhere.

    Raises:
        ConfigurationError: with every file that a bundle cannot have.

    """
    return Manifest(serial, content_digest(files), _parts(files), published, origin, rollback)


def _check_form(manifest: Manifest) -> None:
    if not 0 < manifest.serial <= MAX_SERIAL:
        raise _untrusted(f"a serial is from 1 to {MAX_SERIAL}")
    if not _DIGEST.fullmatch(manifest.digest):
        raise _untrusted(f"serial {manifest.serial} has no digest")
    if manifest.rollback is not None and not _is_earlier(manifest.rollback, manifest.serial):
        raise _untrusted(f"serial {manifest.serial} goes back to what is no earlier serial and no digest")
    if any(
        len(text) > _MAX_TOLD or not text.isprintable() for text in (manifest.published or "", manifest.origin or "")
    ):
        raise _untrusted(f"what serial {manifest.serial} tells of itself is one line of at most {_MAX_TOLD} characters")


def _is_earlier(rollback: str, serial: int) -> bool:
    return bool(_DIGEST.fullmatch(rollback)) or (bool(_SERIAL.fullmatch(rollback)) and int(rollback) < serial)


def _parts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: "sha256:" + hashlib.sha256(raw).hexdigest() for path, raw in sorted(files.items())}


def _untrusted(detail: str) -> BundleError:
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, detail)
