"""The head of a channel: the newest manifest and what makes it believable; and a package, a head with its content."""

from typing import Final, Literal, TypeVar

import msgspec

from pdp.core.bundle.content import LIMITS, decode, shown
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.manifest import PAYLOAD_TYPE, Manifest
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, ConfigurationError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode

MEDIA_TYPE: Final = "application/vnd.toolgate.bundle.head.v1+json"
MAX_HEAD_BYTES: Final = 32 * 1024 * 1024
"""A manifest names up to 50,000 files."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A manifest in its envelope, a statement of its freshness, and the versions of the root of trust so far."""

    manifest: Envelope
    freshness: Envelope | None = None
    trust: tuple[Envelope, ...] = ()
    version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Its canonical JSON."""
        return canonical(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Head":
        """The head in `raw`.

        Raises:
            BundleError: `bundle_untrusted`, it is none.

        """
        if len(raw) > MAX_HEAD_BYTES:
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, f"a head has at most {MAX_HEAD_BYTES} bytes")
        return _decoded(raw, cls, what="head of a channel")

    def unverified(self) -> Manifest:
        """The manifest, whoever signed it.

        Raises:
            BundleError: `bundle_untrusted`, it is none.

        """
        return Manifest.from_json(self.manifest.unverified(PAYLOAD_TYPE))


class Package(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle in one file: a head, and the content that its manifest is about."""

    head: Head
    content: msgspec.Raw
    version: Literal[1] = 1

    @classmethod
    def of(cls, head: Head, content: bytes) -> "Package":
        """The package of `head` and `content`."""
        return cls(head, msgspec.Raw(content))

    def to_json(self) -> bytes:
        """Its JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Package":
        """The package in `raw`.

        Raises:
            BundleError: `bundle_untrusted`, it is none.

        """
        if len(raw) > MAX_HEAD_BYTES + LIMITS.max_bytes:
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, "a package has at most the bytes of a head and a content")
        return _decoded(raw, cls, what="bundle in one file")

    def files(self) -> dict[str, bytes]:
        """The files, each as the manifest says; who signed it is for `admission` to judge.

        Raises:
            BundleError: `bundle_untrusted`.

        """
        return checked_files(self.head.unverified(), bytes(self.content))


def checked_files(manifest: Manifest, content: bytes) -> dict[str, bytes]:
    """The files in `content`, each as `manifest` says.

    Raises:
        BundleError: `bundle_untrusted`, naming the first file that is not.

    """
    digest = digest_of(content)
    try:
        files = decode(content)
    except ConfigurationError as error:
        raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, str(error)) from error
    manifest.check(files, digest=digest)
    return files


Kind = TypeVar("Kind", Head, Package)


def _decoded(raw: bytes, kind: type[Kind], *, what: str) -> Kind:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, f"this is no {what}: {shown(str(error))}") from error
