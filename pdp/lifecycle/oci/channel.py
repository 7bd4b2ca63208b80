"""A channel in a registry: one artifact a bundle, named by tags."""

from contextlib import suppress
from dataclasses import dataclass

from pdp.core.bundle.content import LIMITS
from pdp.core.bundle.head import Head
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError
from pdp.lifecycle.channel import CURRENT, ConflictError, head_name
from pdp.lifecycle.oci.artifact import EMPTY, PUBLISHED_TYPE, Artifact, artifact_of, published, untrusted
from pdp.lifecycle.oci.registry import Registry, RegistryTalk
from pdp.lifecycle.source import SourceError


@dataclass(frozen=True, slots=True)
class _Known:
    """A head, and the digest and size of what it was found by: the artifact, and the content in it."""

    artifact: str
    head: Head
    content_size: int


class OciChannel:
    """Reads and writes the channel in a repository; its methods block, from any thread.

    A head's name and `serial-N` are tags. The content is a layer, so the digest in a decision's record names a blob.
    A registry cannot replace a tag only where nobody else did, so of two publishers at once both may believe to
    have been first: what was written is read back, which leaves the time of one request, and no decision point takes
    two bundles for one serial.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, _Known] = {}

    @property
    def name(self) -> str:
        """The repository's URL."""
        return self._registry.repository.url

    def head(self, name: str = CURRENT) -> Head | None:
        """The head of that name; where its manifest is the one seen last, that is all that is asked for."""
        tag, known = head_name(name), self._known.get(name)
        with self._registry.talk() as talk:
            if known is not None and talk.manifest_digest(tag) == known.artifact:
                return known.head
            found = _read(talk, tag)
        if found is None:
            return None
        self._known[name] = found
        return found.head

    def of_serial(self, serial: int) -> Head | None:
        """What was published under `serial`."""
        with self._registry.talk() as talk:
            return _of_serial(talk, serial)

    def content(self, digest: str) -> bytes:
        """The content with that digest."""
        with self._registry.talk() as talk:
            content = talk.blob(digest, max_bytes=LIMITS.max_bytes)
        if content is None:
            raise SourceError(f"the content {digest} is not in `{self.name}`")
        return content

    def publish(self, head: Head, content: bytes, *, name: str = CURRENT) -> None:
        """Put it there: the blobs, then the serial, then the name."""
        tag, manifest = head_name(name), head.unverified()
        with self._registry.talk() as talk:
            # (1) whether it may still be published
            there = _of_serial(talk, manifest.serial)
            if there is not None and there.manifest.payload != head.manifest.payload:
                raise ConflictError(f"serial {manifest.serial} is another bundle in `{self.name}`")
            _check_newest(talk, tag, manifest.serial)
            # (2) what the artifact has
            talk.put_blob(content, digest=manifest.digest)
            artifact = _put_head(talk, head, content_size=len(content))
            # (3) the serial for good, (4) the name
            if there is None:
                _tagged(talk, _serial_tag(manifest.serial), artifact)
            _tagged(talk, tag, artifact)

    def renew(self, head: Head, *, name: str = CURRENT) -> None:
        """Replace the head of that name by one with the same manifest."""
        tag = head_name(name)
        with self._registry.talk() as talk:
            found = _read(talk, tag)
            if found is None or found.head.manifest.payload != head.manifest.payload:
                raise ConflictError(f"`{name}` has another manifest in `{self.name}` by now")
            _tagged(talk, tag, _put_head(talk, head, content_size=found.content_size))


def _serial_tag(serial: int) -> str:
    return f"serial-{serial}"


def _of_serial(talk: RegistryTalk, serial: int) -> Head | None:
    found = _read(talk, _serial_tag(serial))
    if found is None:
        return None
    if found.head.unverified().serial != serial:
        raise untrusted(f"what is tagged `{_serial_tag(serial)}` has another serial")
    return found.head


def _read(talk: RegistryTalk, tag: str) -> _Known | None:
    raw = talk.manifest(tag)
    if raw is None:
        return None
    found = artifact_of(raw, kind=PUBLISHED_TYPE)
    about, content = found.layers
    signed = talk.blob(about.digest, max_bytes=about.size)
    if signed is None:
        raise SourceError(f"the head `{tag}` has no blob")
    head = Head.from_json(signed)
    if head.unverified().digest != content.digest:
        raise untrusted(f"the head `{tag}` is about another content than the one beside it")
    return _Known(digest_of(raw), head, content.size)


def _check_newest(talk: RegistryTalk, tag: str, serial: int) -> None:
    """Pass what takes no head back; one that nobody could use may be replaced by anything."""
    with suppress(BundleError):
        found = _read(talk, tag)
        newest = 0 if found is None else found.head.unverified().serial
        if newest > serial:
            raise ConflictError(f"serial {newest} was published in the meantime")


def _put_head(talk: RegistryTalk, head: Head, *, content_size: int) -> Artifact:
    raw = head.to_json()
    talk.put_blob(raw, digest=digest_of(raw))
    talk.put_blob(EMPTY, digest=digest_of(EMPTY))
    return published(raw, content_digest=head.unverified().digest, content_size=content_size)


def _tagged(talk: RegistryTalk, tag: str, artifact: Artifact) -> None:
    raw = artifact.to_json()
    talk.put_manifest(tag, raw)
    if talk.manifest_digest(tag) != digest_of(raw):
        raise ConflictError(f"somebody else wrote `{tag}` at the same time")
