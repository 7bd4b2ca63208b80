"""Lists of tools: which a principal may see, with everything known but the arguments.

Sound: a tool of which one call with valid arguments is allowed is never left out. A policy on listing
itself can hide the tools of a server, never show one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cachetools
import msgspec

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.shape import RecordOf
from pdp.core.contract.authzen import ResourceSearchRequest
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.lasting import flips_of, next_flip
from pdp.core.engine.request import AccessRequest, read_access
from pdp.core.engine.residual.audience import Audience, Visibility
from pdp.core.engine.residual.examined import Examined
from pdp.core.engine.residual.stage import Stage
from pdp.core.engine.view import ARGUMENTS, MEMBERS, NOW, Seen, View

_LISTS: Final = 1024
_NO_ARGUMENTS: Final = RecordOf({})


@dataclass(frozen=True, slots=True)
class _Held:
    """A list, good for Unix times from `since` to before `until`."""

    tools: tuple[str, ...]
    since: float
    until: float


class Listing:
    """Lists tools under one set of policies and one catalog; holds lists for those who ask again."""

    def __init__(self, compiled: CompiledPolicies, *, catalog: Catalog) -> None:
        self._index = compiled.index
        self._stage = Stage(catalog)
        self._examined = {policy.id: Examined(policy) for policy in compiled.policies.values()}
        self._flips = flips_of(policy.tree for policy in compiled.policies.values())
        read = {read.path[0] if read.path else None for policy in compiled.policies.values() for read in policy.reads}
        members = MEMBERS if None in read else frozenset(name for name in read if name is not None)
        self._view = View(members - {ARGUMENTS}, frozenset())
        self._lists: cachetools.LRUCache[object, _Held] = cachetools.LRUCache(_LISTS)

    def prepare(self) -> None:
        """Do what the first list of each principal would wait for."""
        for one in self._examined.values():
            one.prepare()

    def visible(self, request: ResourceSearchRequest, *, now: float) -> list[str]:
        """The ids of the tools that the subject of `request` may see at Unix time `now`, sorted.

        Raises:
            Refused: `request_invalid`.

        """
        access = read_access(request)
        seen = self._view.of(access, _NO_ARGUMENTS, now=now)
        key = _key(access, seen)
        held = self._lists.get(key)
        if held is None or not held.since <= now < held.until:
            shown = self._audience(access, seen)
            tools = tuple(card.id for card in self._stage.cards if shown.visibility(card) is not Visibility.NO)
            held = self._lists[key] = _Held(tools, now, next_flip(self._flips, now=now))
        return list(held.tools)

    def visibilities(self, request: ResourceSearchRequest, *, now: float) -> Mapping[str, Visibility]:
        """Whether the subject of `request` may call each tool at Unix time `now`, by the tool's id.

        Raises:
            Refused: `request_invalid`.

        """
        access = read_access(request)
        shown = self._audience(access, self._view.of(access, _NO_ARGUMENTS, now=now))
        return {card.id: shown.visibility(card) for card in self._stage.cards}

    def _audience(self, access: AccessRequest, seen: Seen) -> Audience:
        return Audience(access, seen, stage=self._stage, index=self._index, examined=self._examined)


def _key(access: AccessRequest, seen: Seen) -> object:
    """What a list depends on besides the time."""
    lasting = {name: form for name, form in seen.value.items() if name != NOW}
    known = msgspec.json.encode(lasting, order="deterministic")
    return access.type, access.id, access.properties, known, seen.unrepresentable
