"""The manifest: what a bundle is called."""

import hashlib
from collections.abc import Mapping

import msgspec

from pdp.core.contract.digest import digest


class Manifest(msgspec.Struct, frozen=True):
    """A bundle's serial (the generation of its decisions) and its digest.

    `parts` maps each source file's path to the digest of its bytes; `digest` covers all of them.
    """

    serial: int
    digest: str
    parts: dict[str, str]


def manifest_of(sources: Mapping[str, bytes], *, serial: int) -> Manifest:
    """The manifest of `sources` under `serial`; the same sources have the same digest anywhere."""
    parts = {path: "sha256:" + hashlib.sha256(raw).hexdigest() for path, raw in sorted(sources.items())}
    return Manifest(serial=serial, digest=content_digest(sources), parts=parts)


def content_digest(sources: Mapping[str, bytes]) -> str:
    """The digest of a bundle's content, whatever its serial."""
    return digest({path: hashlib.sha256(raw).hexdigest() for path, raw in sources.items()})
