"""Artifacts: OCI image manifests (image specification 1.1) with our layers, and nothing in them that is not ours."""

from typing import Final

import msgspec

from pdp.core.bundle import content as contents
from pdp.core.bundle import head as heads
from pdp.core.contract.digest import digest_of, is_digest
from pdp.core.contract.errors import BundleError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode

MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
PUBLISHED_TYPE: Final = "application/vnd.toolgate.bundle.v1"
"""An artifact with a head and its content."""
ARCHIVED_TYPE: Final = "application/vnd.toolgate.bundle.archived.v1"
"""An artifact with a content."""
CREATED: Final = "org.opencontainers.image.created"
MAX_MANIFEST_BYTES: Final = 64 * 1024
"""Ours have less than two."""
EMPTY: Final = b"{}"
"""The configuration of what has none."""

_LAYERS: Final = {
    PUBLISHED_TYPE: ((heads.MEDIA_TYPE, heads.MAX_HEAD_BYTES), (contents.MEDIA_TYPE, contents.LIMITS.max_bytes)),
    ARCHIVED_TYPE: ((contents.MEDIA_TYPE, contents.LIMITS.max_bytes),),
}


class Descriptor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A blob that a manifest names."""

    mediaType: str  # noqa: N815 - as the specification writes it
    digest: str
    size: int


_EMPTY_CONFIG: Final = Descriptor("application/vnd.oci.empty.v1+json", digest_of(EMPTY), len(EMPTY))


class Artifact(msgspec.Struct, frozen=True):
    """A manifest of an artifact; other members than these mean nothing to us."""

    artifactType: str  # noqa: N815 - as the specification writes it
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = {}
    config: Descriptor = _EMPTY_CONFIG
    mediaType: str = MANIFEST_TYPE  # noqa: N815 - as the specification writes it
    schemaVersion: int = 2  # noqa: N815 - as the specification writes it

    def to_json(self) -> bytes:
        """Its canonical JSON."""
        return canonical(self)


def published(head: bytes, *, content_digest: str, content_size: int) -> Artifact:
    """The artifact of `head` and the content that it is about: the same ones make the same artifact."""
    layers = (
        Descriptor(heads.MEDIA_TYPE, digest_of(head), len(head)),
        Descriptor(contents.MEDIA_TYPE, content_digest, content_size),
    )
    return Artifact(PUBLISHED_TYPE, layers)


def archived(content_digest: str, *, size: int, created: str) -> Artifact:
    """The artifact that keeps a content; `created` is RFC 3339."""
    return Artifact(ARCHIVED_TYPE, (Descriptor(contents.MEDIA_TYPE, content_digest, size),), {CREATED: created})


def artifact_of(raw: bytes, *, kind: str) -> Artifact:
    """The artifact of that kind in `raw`.

    Raises:
        BundleError: `bundle_untrusted`, it is none, or has layers that it must not have.

    """
    try:
        found = msgspec.json.decode(raw, type=Artifact)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise untrusted(f"this is no artifact of a bundle: {error}") from error
    if (found.mediaType, found.schemaVersion, found.artifactType) != (MANIFEST_TYPE, 2, kind):
        raise untrusted(f"this is no `{kind}`")
    expected = _LAYERS[kind]
    if tuple(layer.mediaType for layer in found.layers) != tuple(media_type for media_type, _ in expected):
        raise untrusted(f"a `{kind}` has other layers")
    for layer, (media_type, limit) in zip(found.layers, expected, strict=True):
        if not is_digest(layer.digest) or not 0 < layer.size <= limit:
            raise untrusted(f"the layer `{media_type}` has no digest by SHA-256, or not 1 to {limit} bytes")
    return found


def untrusted(detail: str) -> BundleError:
    """The error for what must not be believed."""
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, detail)
