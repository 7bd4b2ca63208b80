"""An archive in a registry: one artifact a content, tagged by its digest."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pdp.core.bundle.content import LIMITS
from pdp.core.contract.digest import digest_of, is_digest
from pdp.core.contract.errors import BundleError
from pdp.core.contract.identifier import rfc3339, unix_seconds
from pdp.lifecycle.archive import Archived, ArchiveError, NotArchivedError
from pdp.lifecycle.oci.artifact import ARCHIVED_TYPE, CREATED, EMPTY, Artifact, archived, artifact_of, untrusted
from pdp.lifecycle.oci.registry import Registry, RegistryTalk
from pdp.lifecycle.source import SourceError

_TAG: Final = re.compile(r"sha256-([0-9a-f]{64})")


class OciArchive:
    """Keeps contents in a repository; the annotation `created` is when one was put there, to the millisecond.

    A content is gone once its tag is; when the registry lets go of its bytes is up to the registry.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def put(self, digest: str, content: bytes, *, now: float) -> None:
        """Keep `content`: the blob, then what names it."""
        tag = _tag(digest)
        with self._talk() as talk:
            talk.put_blob(content, digest=digest)
            talk.put_blob(EMPTY, digest=digest_of(EMPTY))
            talk.put_manifest(tag, archived(digest, size=len(content), created=rfc3339(now)).to_json())

    def get(self, digest: str) -> bytes:
        """The content with that digest, checked."""
        tag = _tag(digest)
        with self._talk() as talk:
            content = None
            if _read(talk, tag) is not None:
                content = talk.blob(digest, max_bytes=LIMITS.max_bytes)
        if content is None:
            raise NotArchivedError(f"no bundle {digest} is kept in `{self._registry.repository.url}`")
        return content

    def entries(self) -> Sequence[Archived]:
        """All that is kept; one request for each."""
        with self._talk() as talk:
            found = {tag: _read(talk, tag) for tag in talk.tags() if _TAG.fullmatch(tag)}
        return [_entry(tag, one) for tag, one in found.items() if one is not None]

    def remove(self, digest: str) -> None:
        """Keep that content no longer."""
        tag = _tag(digest)
        with self._talk() as talk:
            manifest = talk.manifest_digest(tag)
            if manifest is not None:
                talk.delete_manifest(manifest)

    @contextmanager
    def _talk(self) -> Iterator[RegistryTalk]:
        try:
            with self._registry.talk() as talk:
                yield talk
        except (SourceError, BundleError) as error:
            raise ArchiveError(f"the archive `{self._registry.repository.url}`: {error}") from error


def _tag(digest: str) -> str:
    if not is_digest(digest):
        raise NotArchivedError("this is no digest of a bundle")
    return digest.replace(":", "-")


def _read(talk: RegistryTalk, tag: str) -> Artifact | None:
    raw = talk.manifest(tag)
    if raw is None:
        return None
    found = artifact_of(raw, kind=ARCHIVED_TYPE)
    if found.layers[0].digest.replace(":", "-") != tag:
        raise untrusted(f"what is tagged `{tag}` is another content")
    return found


def _entry(tag: str, found: Artifact) -> Archived:
    try:
        return Archived(unix_seconds(found.annotations.get(CREATED, "")), found.layers[0].digest)
    except (ValueError, OverflowError) as error:
        raise ArchiveError(f"`{tag}` does not say when it was put there") from error
