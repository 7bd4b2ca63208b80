"""Lists of tools: which a principal may see, with everything known but the arguments.

Sound: a tool of which one call with valid arguments is allowed is never left out. A policy on listing
itself can hide the tools of a server, never show one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cachetools
import msgspec

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import ResourceSearchRequest
from pdp.core.contract.digest import digest
from pdp.core.contract.errors import Refused
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.lasting import flips_of, next_flip
from pdp.core.engine.request import AccessRequest, offered_digests, read_access
from pdp.core.engine.residual.audience import Audience, Visibility
from pdp.core.engine.residual.examined import Examined
from pdp.core.engine.residual.stage import Stage
from pdp.core.engine.view import ARGUMENTS, MEMBERS, NOW, Seen, View

_LISTS: Final = 1024
_OFFERS: Final = 8
_NO_ARGUMENTS: Final = RecordOf({})


@dataclass(frozen=True, slots=True)
class _Held:
    """A list, good for Unix times from `since` to before `until`."""

    tools: tuple[str, ...]
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class _Offer:
    """The tools as servers offer them: those as on `stage`, less `changed`, and those on `others`.

    `mark` tells the offers under one catalog apart.
    """

    mark: str | None
    stage: Stage
    changed: frozenset[str] = frozenset()
    others: Stage | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Both stages."""
        return (self.stage,) if self.others is None else (self.stage, self.others)


class Listing:
    """Lists tools under one set of policies and one catalog; holds lists for those who ask again."""

    def __init__(self, compiled: CompiledPolicies, *, catalog: Catalog) -> None:
        self._catalog = catalog
        self._index = compiled.index
        self._mapping = compiled.mapping
        self._as_approved = _Offer("", Stage(catalog.tools()))
        self._offers: cachetools.LRUCache[str, _Offer] = cachetools.LRUCache(_OFFERS)
        self._examined = {policy.id: Examined(policy) for policy in compiled.policies.values()}
        self._flips = flips_of(policy.tree for policy in compiled.policies.values())
        read = {read.path[0] if read.path else None for policy in compiled.policies.values() for read in policy.reads}
        members = MEMBERS if None in read else frozenset(name for name in read if name is not None)
        self._view = View(members - {ARGUMENTS}, frozenset())
        self._lists: cachetools.LRUCache[object, _Held] = cachetools.LRUCache(_LISTS)

    def visible(self, request: ResourceSearchRequest, *, now: float) -> list[str]:
        """The ids of the tools that the subject of `request` may see at Unix time `now`, sorted.

        Raises:
            Refused: `request_invalid`.

        """
        access, offer = read_access(request, mapping=self._mapping), self._offer(request)
        seen = self._view.of(access, _NO_ARGUMENTS, now=now)
        key = _key(access, seen, offer)
        held = self._lists.get(key)
        if held is None or not held.since <= now < held.until:
            judged = self._judged(access, seen, offer)
            tools = tuple(sorted(tool_id for tool_id, visibility in judged if visibility is not Visibility.NO))
            held = self._lists[key] = _Held(tools, now, next_flip(self._flips, now=now))
        return list(held.tools)

    def visibilities(self, request: ResourceSearchRequest, *, now: float) -> Mapping[str, Visibility]:
        """Whether the subject of `request` may call each tool at Unix time `now`, by the tool's id.

        Raises:
            Refused: `request_invalid`.

        """
        access = read_access(request, mapping=self._mapping)
        seen = self._view.of(access, _NO_ARGUMENTS, now=now)
        return dict(self._judged(access, seen, self._offer(request)))

    def _judged(self, access: AccessRequest, seen: Seen, offer: _Offer) -> Iterator[tuple[str, Visibility]]:
        for stage in offer.stages:
            left_out = offer.changed if stage is offer.stage else frozenset[str]()
            shown = Audience(access, seen, stage=stage, index=self._index, examined=self._examined)
            yield from ((card.id, shown.visibility(card)) for card in stage.cards if card.id not in left_out)

    def _offer(self, request: ResourceSearchRequest) -> _Offer:
        """What servers offer, as far as `request` says; where it doesn't, nothing is known to be as approved."""
        offered = offered_digests(request)
        if offered is None:
            return self._as_nobody_looked
        if not offered:
            return self._as_approved
        mark = digest(offered)
        found = self._offers.get(mark)
        if found is None:
            found = self._offers[mark] = self._changed(offered, mark)
        return found

    def _changed(self, offered: Mapping[str, str], mark: str) -> _Offer:
        """What is offered otherwise than approved is listed only where it could be decided on."""
        resolved = [tool for tool_id, pin in offered.items() if (tool := self._resolved(tool_id, pin)) is not None]
        approved = self._as_approved.stage
        others = Stage([tool for tool in resolved if not tool.pinned], beside=approved.entities)
        return _Offer(mark, approved, frozenset(offered) - {tool.id for tool in resolved if tool.pinned}, others)

    def _resolved(self, tool_id: str, offered: str) -> Tool | None:
        try:
            return self._catalog.resolve(tool_id, offered=offered)
        except Refused:
            return None

    @cached_property
    def _as_nobody_looked(self) -> _Offer:
        return _Offer(None, Stage(self._catalog.resolve(tool.id, offered=None) for tool in self._catalog.tools()))


def _key(access: AccessRequest, seen: Seen, offer: _Offer) -> object:
    """What a list depends on besides the time."""
    lasting = {name: form for name, form in seen.value.items() if name != NOW}
    known = msgspec.json.encode(lasting, order="deterministic")
    granted = frozenset(access.context.scopes)
    needed = tuple(granted & stage.scopes for stage in offer.stages)
    return access.type, access.id, access.properties, known, seen.unrepresentable, needed, offer.mark
