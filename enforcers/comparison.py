"""What servers offer against what was approved: the one rule for lists, calls and records of drift. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cachetools
import msgspec

from enforcers.offer import Offer
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.definitions.admission import Allowances, DefinitionRefusedError, admit
from pdp.core.catalog.definitions.definition import Definition, Kind
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DriftState
from pdp.core.text.twins import Names

MAX_NAME: Final = 128
"""Characters of a tool's name that a message holds."""
_JUDGED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How one offer stands to the catalog; `tool` is what its calls are decided on, None where they are denied.

    `code` and `detail` say why they are; `approved` is the pin of the approved definition, where there is one.
    """

    offer: Offer
    state: DriftState
    code: ReasonCode
    approved: str | None = None
    detail: str | None = None
    tool: Tool | None = None

    def usable(self) -> Tool:
        """The tool that a call is decided on.

        Raises:
            Refused: `tool_unknown` or `tool_changed`.

        """
        if self.tool is None:
            raise Refused(self.code, self.detail or self.state)
        return self.tool

    def checked_as(self) -> Tool:
        """The tool whose schema arguments are checked against: the approved one, the live one where there is none."""
        tool = self.usable()
        if self.approved is not None:
            return tool
        return msgspec.structs.replace(tool, input_schema=self.offer.definition["inputSchema"], pin=self.offer.pin)


class Admission:
    """Which offers nobody reviewed may be offered at all; judges each definition once."""

    def __init__(self) -> None:
        self._judged: cachetools.LRUCache[tuple[str, Allowances], str | None] = cachetools.LRUCache(_JUDGED)

    def refusal(self, offer: Offer, *, allowances: Allowances) -> str | None:
        """Why the definition of `offer` must not be offered, None where it may."""
        key = (offer.pin, allowances)
        if key not in self._judged:
            try:
                admit(Definition(Kind.TOOL, offer.server, offer.definition, offer.pin), allowances=allowances)
                self._judged[key] = None
            except DefinitionRefusedError as error:
                self._judged[key] = str(error)
        return self._judged[key]


class Comparison:
    """Every offer of one `table` against one `catalog`."""

    def __init__(
        self, table: Mapping[str, Sequence[Offer]], *, catalog: Catalog, admission: Admission | None = None
    ) -> None:
        self.table = table
        self.catalog = catalog
        self._admission = admission or Admission()
        self.by_name: dict[str, Standing] = {}
        """By wire name, in the order of names: what its calls get."""
        self.by_id: dict[str, Standing] = {}
        """By `server/tool`: how it stands."""
        for name, offers in table.items():
            standings = [self._standing(offers[0])] if len(offers) == 1 else self._of_one_name(offers)
            self.by_name[name] = standings[0]
            self.by_id |= {one.offer.id: one for one in standings}

    def usable(self) -> Iterable[tuple[str, Standing]]:
        """The standings that a call may go to, by wire name."""
        return ((name, one) for name, one in self.by_name.items() if one.tool is not None)

    @cached_property
    def common_scopes(self) -> Sequence[str]:
        """The scopes that every tool that may be called needs, sorted; none where there is no such tool."""
        needed = [set(one.tool.scopes) for one in self.by_name.values() if one.tool is not None]
        return sorted(set.intersection(*needed)) if needed else ()

    def collisions(self) -> Iterable[tuple[str, Sequence[str]]]:
        """The wire names that several tools would have that are offered as approved, with these."""
        for name, offers in self.table.items():
            approved = {offer.id for offer in offers if self._is_approved(offer)}
            if len(approved) > 1:
                yield name, sorted(approved)

    def twin_of(self, offer: Offer) -> str | None:
        """The approved tool of the same server whose name a reader could take that of `offer` for."""
        names = self._approved_names.get(offer.server)
        twin = None if names is None else names.twin_of(offer.tool)
        return None if twin is None else f"{offer.server}/{twin}"

    def refusal(self, offer: Offer) -> str | None:
        """Why the definition of `offer` could not even be approved, None where it could."""
        allowances = Allowances(unsafe_hidden_text=self.catalog.server(offer.server).unsafe_hidden_text)
        return self._admission.refusal(offer, allowances=allowances)

    @cached_property
    def _approved_names(self) -> Mapping[str, Names]:
        found: dict[str, list[str]] = {}
        for tool in self.catalog.tools():
            found.setdefault(tool.server, []).append(tool.name)
        return {server: Names(names) for server, names in found.items()}

    def _is_approved(self, offer: Offer) -> bool:
        approved = self.catalog.find(offer.id)
        return approved is not None and approved.pin == offer.pin

    def _standing(self, offer: Offer) -> Standing:
        approved = self.catalog.find(offer.id)
        if approved is not None and approved.pin == offer.pin:
            return Standing(offer, DriftState.APPROVED, ReasonCode.ALLOWED, approved.pin, tool=approved)
        state, code = _state(approved)
        pin = None if approved is None else approved.pin
        try:
            tool = self.catalog.resolve(offer.id, offered=offer.pin)
        except Refused as refusal:
            return Standing(offer, state, refusal.code, pin, refusal.detail)
        twin = self.twin_of(offer) if approved is None else None
        if twin is not None:
            return Standing(offer, state, code, pin, f"its name could be taken for `{twin[:MAX_NAME]}`")
        refusal_text = self.refusal(offer)
        if refusal_text is not None:
            return Standing(offer, state, code, pin, refusal_text)
        return Standing(offer, state, ReasonCode.ALLOWED, pin, tool=tool)

    def _of_one_name(self, offers: Sequence[Offer]) -> Sequence[Standing]:
        """The standings of what shares a wire name; the one that can be called, if there is one, comes first.

        INVARIANT: what is not approved takes nothing from what is, whatever it calls itself.
        """
        times = Counter(offer.id for offer in offers)
        twice = {offer.id: self._ambiguous(offer, "is offered twice") for offer in offers if times[offer.id] > 1}
        single = [self._standing(offer) for offer in offers if times[offer.id] == 1]
        calling = [one for one in single if one.tool is not None]
        chosen = [one for one in calling if one.state is DriftState.APPROVED] or calling
        if len(chosen) > 1 or any(one.approved is not None for one in twice.values()):
            chosen = []
        lost = [self._ambiguous(one.offer, "shares its wire name") for one in calling if one not in chosen]
        return [*chosen, *twice.values(), *lost, *(one for one in single if one.tool is None)]

    def _ambiguous(self, offer: Offer, why: str) -> Standing:
        approved = self.catalog.find(offer.id)
        _, code = _state(approved)
        pin = None if approved is None else approved.pin
        return Standing(offer, DriftState.AMBIGUOUS, code, pin, f"`{offer.id[:MAX_NAME]}` {why}")


def _state(approved: Tool | None) -> tuple[DriftState, ReasonCode]:
    if approved is None:
        return DriftState.UNKNOWN, ReasonCode.TOOL_UNKNOWN
    return DriftState.CHANGED, ReasonCode.TOOL_CHANGED
