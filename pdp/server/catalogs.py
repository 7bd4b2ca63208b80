"""Catalog and claims mapping for enforcers: which are active, and each under the digest of its bytes."""

from collections import OrderedDict
from typing import Final

from pdp.core.contract.authzen import CatalogHead
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import Refused
from pdp.server.access import Caller
from pdp.server.decider import Decider
from pdp.server.exchange import Answer, Headers, RefusedExchange, Request, json_answer

MAX_HELD: Final = 4
"""Catalogs, and mappings, that can be had by digest: the active one and those that were asked for before it."""

_IMMUTABLE: Final[Headers] = ((b"cache-control", b"private, max-age=31536000, immutable"),)


class _Held:
    """The newest contents, by digest."""

    def __init__(self) -> None:
        self._contents: OrderedDict[str, bytes] = OrderedDict()

    def take(self, content: bytes) -> str:
        """Hold `content`; its digest."""
        digest = digest_of(content)
        self._contents[digest] = content
        self._contents.move_to_end(digest)
        if len(self._contents) > MAX_HELD:
            self._contents.popitem(last=False)
        return digest

    def answer(self, http: Request) -> Answer:
        """The content whose digest ends the path."""
        content = self._contents.get(http.path.rpartition("/")[2])
        if content is None:
            raise RefusedExchange(404, "nothing with this digest is held here")
        return Answer(200, content, headers=_IMMUTABLE)


class Catalogs:
    """Serves catalogs and mappings; encodes each once for each bundle."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._bundle: str | None = None
        self._active = CatalogHead("", 0, "")
        self._catalogs = _Held()
        self._mappings = _Held()

    async def head(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002 - one form for every path
        """`GET /v1/catalog`: digests and generation of the active catalog and mapping; the entity tag has both.

        Raises:
            RefusedExchange: 503 where none is active.

        """
        try:
            self._take()
        except Refused as refusal:
            raise RefusedExchange(503, refusal.caller_text) from refusal
        tag = f'"{self._active.digest}+{self._active.mapping}"'
        headers = ((b"etag", tag.encode()),)
        known = {item.strip().removeprefix("W/") for item in (http.header(b"if-none-match") or "").split(",")}
        return Answer(304, headers=headers) if tag in known else json_answer(self._active, headers=headers)

    async def content(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /v1/catalog/{digest}`: the catalog whose bytes have that digest.

        Raises:
            RefusedExchange: 404 where none that is held has it.

        """
        return self._catalogs.answer(http)

    async def mapping(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /v1/mapping/{digest}`: the claims mapping whose bytes have that digest.

        Raises:
            RefusedExchange: 404 where none that is held has it.

        """
        return self._mappings.answer(http)

    def _take(self) -> None:
        """Hold what the active bundle has, which another thread may replace meanwhile."""
        while self._bundle is None or self._bundle != self._decider.bundle:
            bundle, generation = self._decider.bundle, self._decider.generation
            catalog, mapping = self._decider.catalog_json(), self._decider.mapping_json()
            if bundle != self._decider.bundle:
                continue
            self._bundle = bundle
            self._active = CatalogHead(self._catalogs.take(catalog), generation, self._mappings.take(mapping))
