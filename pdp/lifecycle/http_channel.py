"""A channel on a web server: files under one URL, each asked for whole, heads only where they have changed."""

from dataclasses import dataclass
from typing import Final

from pdp.core.bundle.content import LIMITS
from pdp.core.bundle.head import MAX_HEAD_BYTES, Head
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.channel import CURRENT, content_path, head_path, serial_path
from pdp.lifecycle.credentials import Credentials
from pdp.lifecycle.web import NOT_FOUND, NOT_MODIFIED, OK, Answer, OversizedError, Web
from pdp.tokens.fetch.endpoint import Endpoint

MAX_ETAG: Final = 1024


@dataclass(frozen=True, slots=True)
class _Known:
    """A head, and the tag that the server gave its file (RFC 9110, section 8.8.3)."""

    etag: str
    head: Head


class HttpChannel:
    """Reads the folder of a channel under `base`; its methods block, from any thread.

    `current.json` and `canary.json` are heads, and so is `serials/N.json`; `contents/sha256-HEX.json` is a content.
    """

    def __init__(self, base: Endpoint, *, web: Web, credentials: Credentials | None) -> None:
        self._base = base
        self._web = web
        self._headers = {} if credentials is None else {"authorization": credentials.header()}
        self._known: dict[str, _Known] = {}

    @property
    def name(self) -> str:
        """The URL of the folder."""
        return str(self._base.url)

    def head(self, name: str = CURRENT) -> Head | None:
        """The head of that name; where its file is the one seen last, the server says only that."""
        path, known = head_path(name), self._known.get(name)
        answer = self._ask(path, max_bytes=MAX_HEAD_BYTES, etag=None if known is None else known.etag)
        if known is not None and answer.status == NOT_MODIFIED:
            return known.head
        head = self._head_in(answer, path)
        etag = answer.headers.get("etag", "")
        if head is not None and 0 < len(etag) <= MAX_ETAG:
            self._known[name] = _Known(etag, head)
        else:
            self._known.pop(name, None)
        return head

    def of_serial(self, serial: int) -> Head | None:
        """What was published under `serial`."""
        path = serial_path(serial)
        head = self._head_in(self._ask(path, max_bytes=MAX_HEAD_BYTES), path)
        if head is not None and head.unverified().serial != serial:
            raise _untrusted(f"`{path}` has another serial")
        return head

    def content(self, digest: str) -> bytes:
        """The content with that digest."""
        path = content_path(digest)
        answer = self._ask(path, max_bytes=LIMITS.max_bytes)
        if answer.status != OK:
            raise answer.refused(f"`{path}`")
        if digest_of(answer.body) != digest:
            raise _untrusted(f"`{path}` has another digest")
        return answer.body

    def _head_in(self, answer: Answer, path: str) -> Head | None:
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise answer.refused(f"`{path}`")
        return Head.from_json(answer.body)

    def _ask(self, path: str, *, max_bytes: int, etag: str | None = None) -> Answer:
        condition = {} if etag is None else {"if-none-match": etag}
        raw = self._base.url.raw_path.decode("ascii").rstrip("/") + f"/{path}"
        endpoint = Endpoint(self._base.url.copy_with(raw_path=raw.encode("ascii")), self._base.exposure)
        try:
            with self._web.talk() as talk:
                return talk.ask(endpoint, headers={**self._headers, **condition}, max_bytes=max_bytes)
        except OversizedError as error:
            raise _untrusted(f"`{path}`: {error}") from error


def _untrusted(detail: str) -> BundleError:
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, detail)
