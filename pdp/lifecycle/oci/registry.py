"""A repository in a registry, over the OCI distribution specification 1.1; nothing is used before its digest fits."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from pdp.core.contract.digest import digest_of, is_digest
from pdp.lifecycle.credentials import Credentials
from pdp.lifecycle.oci.artifact import MANIFEST_TYPE, MAX_MANIFEST_BYTES, untrusted
from pdp.lifecycle.oci.asking import Asking
from pdp.lifecycle.oci.login import Login
from pdp.lifecycle.oci.repository import Repository, is_tag
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import NOT_FOUND, OK, TEMPORARY_REDIRECTS, Answer, Web
from pdp.tokens.fetch.endpoint import Endpoint
from pdp.tokens.fetch.unavailable import UnavailableError

CREATED: Final = 201
ACCEPTED: Final = 202
METHOD_NOT_ALLOWED: Final = 405
MAX_TAGS: Final = 100_000
MAX_TAG_PAGE_BYTES: Final = 4 * 1024 * 1024

_PAGE: Final = 1000
_UPLOADS: Final = "blobs/uploads/"
_NEXT: Final = re.compile(r'<([^<>"]++)>; ?rel="?next"?')


class _Tags(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] | None = None


class Registry:
    """Asks for `repository`; its methods block, from any thread."""

    def __init__(self, repository: Repository, *, web: Web, credentials: Credentials | None) -> None:
        self._web = web
        self._login = Login(repository, credentials=credentials)
        self.repository = repository

    @contextmanager
    def talk(self) -> Iterator["RegistryTalk"]:
        """What one thread asks in a row."""
        with self._web.talk() as talk:
            yield RegistryTalk(Asking(self.repository, talk=talk, login=self._login))


class RegistryTalk:
    """Requests in a row; each raises `SourceError` where it cannot be answered."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._repository = asking.repository

    def manifest_digest(self, reference: str) -> str | None:
        """The digest of the manifest with that tag, None where there is none."""
        answer = self._asking.once(self._manifest(reference), method="HEAD", headers={"accept": MANIFEST_TYPE})
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise answer.refused(f"the manifest `{reference}`")
        digest: str = answer.headers.get("docker-content-digest", "")
        if is_digest(digest):
            return digest
        raw = self.manifest(reference)
        return None if raw is None else digest_of(raw)

    def manifest(self, reference: str) -> bytes | None:
        """The manifest with that tag, None where there is none.

        Raises:
            BundleError: `bundle_untrusted`, it is too large, of another type, or not what the registry says it is.

        """
        answer = self._asking.content(
            self._manifest(reference),
            accept=MANIFEST_TYPE,
            what=f"the manifest `{reference}`",
            max_bytes=MAX_MANIFEST_BYTES,
        )
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise answer.refused(f"the manifest `{reference}`")
        if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != MANIFEST_TYPE:
            raise untrusted(f"the manifest `{reference}` is no `{MANIFEST_TYPE}`")
        if answer.headers.get("docker-content-digest", digest_of(answer.body)) != digest_of(answer.body):
            raise untrusted(f"the manifest `{reference}` is not what the registry says it is")
        return answer.body

    def put_manifest(self, reference: str, raw: bytes) -> None:
        """Keep `raw` under that tag; the blobs in it must be there."""
        answer = self._asking.once(
            self._manifest(reference), method="PUT", headers={"content-type": MANIFEST_TYPE}, content=raw
        )
        if answer.status != CREATED:
            raise answer.refused(f"writing the manifest `{reference}`")

    def delete_manifest(self, digest: str) -> None:
        """Keep the manifest with that digest, and the tags on it, no longer."""
        answer = self._asking.once(self._manifest(digest), method="DELETE")
        if answer.status == METHOD_NOT_ALLOWED:
            text = f"`{answer.host}` deletes nothing: allow it there, for Debian's by `storage.delete.enabled`"
            raise SourceError(text)
        if answer.status not in {OK, ACCEPTED, NOT_FOUND}:
            raise answer.refused("deleting a manifest")

    def blob(self, digest: str, *, max_bytes: int) -> bytes | None:
        """The blob with that digest, None where there is none.

        Raises:
            BundleError: `bundle_untrusted`, it has another digest or more than `max_bytes`.

        """
        what = f"the blob {digest}"
        answer = self._asking.content(self._blob(digest), what=what, max_bytes=max_bytes)
        if answer.status in TEMPORARY_REDIRECTS:
            # Once: what is there is believed by its digest, whoever has it.
            answer = self._asking.elsewhere(answer, what=what, max_bytes=max_bytes)
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise answer.refused(what)
        if digest_of(answer.body) != digest:
            raise untrusted(f"what `{answer.host}` answers for {digest} has another digest")
        return answer.body

    def put_blob(self, content: bytes, *, digest: str) -> None:
        """Keep `content`, which has that digest, unless it is there."""
        if self._asking.once(self._blob(digest), method="HEAD").status == OK:
            return
        # (1) where to
        begun = self._asking.once(self._repository.at(_UPLOADS), method="POST", content=b"")
        if begun.status != ACCEPTED:
            raise begun.refused("writing a blob")
        # (2) all of it at once
        headers = {"content-type": "application/octet-stream"}
        done = self._asking.once(self._upload(begun, digest), method="PUT", headers=headers, content=content)
        if done.status != CREATED:
            raise done.refused("writing a blob")

    def tags(self) -> list[str]:
        """Every tag of the repository; none where there is no repository."""
        found: list[str] = []
        page: Endpoint | None = self._repository.at("tags/list", query=f"n={_PAGE}")
        while page is not None:
            answer = self._asking.once(page, max_bytes=MAX_TAG_PAGE_BYTES)
            if answer.status == NOT_FOUND:
                return found
            if answer.status != OK:
                raise answer.refused("the list of tags")
            fresh = _tags(answer)
            found += fresh
            if len(found) > MAX_TAGS:
                raise SourceError(f"`{answer.host}` lists more than {MAX_TAGS} tags")
            page = self._following(answer) if fresh else None
        return found

    def _manifest(self, reference: str) -> Endpoint:
        if not is_digest(reference) and not is_tag(reference):
            raise SourceError("this is neither a tag nor a digest")
        return self._repository.at(f"manifests/{reference}")

    def _blob(self, digest: str) -> Endpoint:
        if not is_digest(digest):
            raise untrusted("this is no digest by SHA-256")
        return self._repository.at(f"blobs/{digest}")

    def _upload(self, begun: Answer, digest: str) -> Endpoint:
        try:
            place = self._repository.at(_UPLOADS).moved(begun.headers.get("location", ""))
        except UnavailableError as error:
            raise SourceError(f"`{begun.host}` wants uploads at another origin: {error}") from error
        raw = place.url.raw_path.decode("ascii")
        raw = f"{raw}{'&' if '?' in raw else '?'}digest={digest}"
        return Endpoint(place.url.copy_with(raw_path=raw.encode("ascii")), place.exposure)

    def _following(self, answer: Answer) -> Endpoint | None:
        link = _NEXT.search(answer.headers.get("link", ""))
        if link is None:
            return None
        try:
            return self._repository.registry.moved(link[1])
        except UnavailableError as error:
            raise SourceError(f"`{answer.host}` has the rest of its tags elsewhere: {error}") from error


def _tags(answer: Answer) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(answer.body, type=_Tags).tags or ()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"`{answer.host}` answered with no list of tags") from error
