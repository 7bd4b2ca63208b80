"""The manifest: a bundle's serial, the digest of its content, and what each file of it must be."""

import hashlib
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
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, f"this is no manifest: {error}") from error
        if not 0 < manifest.serial <= MAX_SERIAL:
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, f"a serial is from 1 to {MAX_SERIAL}")
        return manifest

    def check(self, files: Mapping[str, bytes], *, digest: str) -> None:
        """Pass the files that it is about, whose content has the digest `digest`.

        Raises:
            BundleError: `bundle_untrusted`, naming the first file that is another, is missing or was added.

        """
        found = _parts(files)
        for path in sorted(self.parts.keys() | found.keys()):
            if self.parts.get(path) != found.get(path):
                text = f"`{shown(path)}` is not as the manifest of serial {self.serial} says"
                raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, text)
        if digest != self.digest:
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, f"the content is not that of serial {self.serial}")


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


def _parts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: "sha256:" + hashlib.sha256(raw).hexdigest() for path, raw in sorted(files.items())}
