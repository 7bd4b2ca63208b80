"""Catalog and claims mapping for enforcers: which are active, and each under the digest of its bytes."""

import re
from collections import OrderedDict
from typing import Final

from pdp.core.bundle.manifest import MAX_SERIAL
from pdp.core.contract.authzen import GENERATION_HEADER, CatalogHead
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import Refused
from pdp.core.contract.event import GenerationEvent
from pdp.server.access import Caller
from pdp.server.announcements import Announcements
from pdp.server.confirmations import Confirmations
from pdp.server.decider import Decider, active_name
from pdp.server.enforcers import KnownEnforcer
from pdp.server.exchange import Answer, Headers, RefusedExchange, Request, json_answer
from pdp.server.records import heads_said

MAX_HELD: Final = 4
"""Catalogs, and mappings, that can be had by digest: the active one and those that were asked for before it."""

IMMUTABLE: Final[Headers] = ((b"cache-control", b"private, max-age=31536000, immutable"),)

_GENERATION: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


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
        return Answer(200, content, headers=IMMUTABLE)


class Catalogs:
    """Serves catalogs and mappings; encodes each once for each bundle."""

    def __init__(
        self, decider: Decider, confirmations: Confirmations, announcements: Announcements | None = None
    ) -> None:
        self._decider = decider
        self._confirmations = confirmations
        self._announcements = announcements
        self._active: GenerationEvent | None = None
        self._catalogs = _Held()
        self._mappings = _Held()

    async def head(self, http: Request, caller: Caller) -> Answer:
        """`GET /v1/catalog`: digests and generation of the active catalog and mapping; the entity tag has all three.

        An enforcer may say which generation it uses now, and how far the runs of its records are.

        Raises:
            RefusedExchange: 400 for a generation or runs that are none, 503 where none is active.

        """
        heads = heads_said(http, caller)
        used = _generation(http.header(GENERATION_HEADER.lower().encode()))
        if used is not None and isinstance(caller, KnownEnforcer):
            self._confirmations.take(caller.name, used)
        if heads and self._announcements is not None and isinstance(caller, KnownEnforcer):
            self._announcements.take(caller.name, heads)
        try:
            active = self.active()
        except Refused as refusal:
            raise RefusedExchange(503, refusal.caller_text) from refusal
        tag = f'"{active.catalog}+{active.mapping}+{active.generation}"'
        headers = ((b"etag", tag.encode()),)
        if tag in known_tags(http):
            return Answer(304, headers=headers)
        return json_answer(CatalogHead(active.catalog, active.generation, active.mapping), headers=headers)

    async def content(self, http: Request, caller: Caller) -> Answer:  # noqa: ARG002 - one form for every path
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

    def active(self) -> GenerationEvent:
        """Which bundle is active, whose catalog and mapping can be had from now on.

        Raises:
            Refused: none is.

        """
        name, held = active_name(self._decider), self._active
        while held is None or (held.generation, held.bundle) != (name.generation, name.bundle):
            catalog, mapping = self._decider.catalog_json(), self._decider.mapping_json()
            after = active_name(self._decider)
            if after == name:  # else another thread has replaced it meanwhile
                held = GenerationEvent(
                    name.generation, name.bundle, self._catalogs.take(catalog), self._mappings.take(mapping)
                )
            name = after
        self._active = held
        return held


def known_tags(http: Request) -> frozenset[str]:
    """The entity tags of what the caller has already (RFC 9110, section 13.1.2), weak ones as if they were strong.

    Raises:
        RefusedExchange: the header is repeated.

    """
    return frozenset(item.strip().removeprefix("W/") for item in (http.header(b"if-none-match") or "").split(","))


def _generation(text: str | None) -> int | None:
    if text is None:
        return None
    if not _GENERATION.fullmatch(text) or int(text) > MAX_SERIAL:
        raise RefusedExchange(400, f"the header `{GENERATION_HEADER.lower()}` is no generation")
    return int(text)
