"""The catalog for enforcers: which one is active, and each under the digest of its bytes."""

from collections import OrderedDict
from typing import Final

from pdp.core.contract.authzen import CATALOG_PATH, CatalogHead
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import Refused
from pdp.server.access import Caller
from pdp.server.decider import Decider
from pdp.server.exchange import Answer, Headers, RefusedExchange, Request, json_answer

MAX_HELD: Final = 4
"""Catalogs that can be had by digest: the active one and those that were asked for before it."""

_IMMUTABLE: Final[Headers] = ((b"cache-control", b"private, max-age=31536000, immutable"),)


class Catalogs:
    """Serves catalogs; encodes one once for each bundle."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._bundle: str | None = None
        self._active = CatalogHead("", 0)
        self._held: OrderedDict[str, bytes] = OrderedDict()

    async def head(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002 - one form for every path
        """`GET /v1/catalog`: digest and generation of the active catalog; the digest is the entity tag.

        Raises:
            RefusedExchange: 503 where none is active.

        """
        try:
            self._take()
        except Refused as refusal:
            raise RefusedExchange(503, refusal.caller_text) from refusal
        tag = f'"{self._active.digest}"'
        headers = ((b"etag", tag.encode()),)
        known = {item.strip().removeprefix("W/") for item in (http.header(b"if-none-match") or "").split(",")}
        return Answer(304, headers=headers) if tag in known else json_answer(self._active, headers=headers)

    async def content(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002
        """`GET /v1/catalog/{digest}`: the bytes with that digest.

        Raises:
            RefusedExchange: 404 where none that is held has it.

        """
        content = self._held.get(http.path.removeprefix(f"{CATALOG_PATH}/"))
        if content is None:
            raise RefusedExchange(404, "no catalog with this digest is held here")
        return Answer(200, content, headers=_IMMUTABLE)

    def _take(self) -> None:
        """Hold the catalog of the active bundle, which another thread may replace meanwhile."""
        while self._bundle is None or self._bundle != self._decider.bundle:
            bundle, generation, content = self._decider.bundle, self._decider.generation, self._decider.catalog_json()
            if bundle != self._decider.bundle:
                continue
            digest = digest_of(content)
            self._bundle, self._active = bundle, CatalogHead(digest, generation)
            self._held[digest] = content
            self._held.move_to_end(digest)
            if len(self._held) > MAX_HELD:
                self._held.popitem(last=False)
