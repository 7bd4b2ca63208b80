"""Which changes of tools there are to record: each once, and within bounds whatever a server does. Pure.

Under one catalog there are at most `MAX_CHANGES` records of an approved tool, `MAX_NAMED` of tools that nobody
approved for each server, and a few that count the rest.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from enforcers.comparison import Comparison, Standing
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DriftState

MAX_CHANGES: Final = 20
"""So often may what is offered of a tool change; after that it is `unstable` and denied until the catalog changes."""
MAX_NAMED: Final = 500
"""Tools of one server that nobody approved and that get a record of their own; others are counted."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change to record; `tool` is None for `count` tools that are not named."""

    server: str
    tool: str | None
    state: DriftState
    code: ReasonCode
    approved: str | None = None
    offered: str | None = None
    twin: str | None = None
    count: int = 1
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class _Noted:
    server: str
    tool: str
    state: DriftState
    offered: str | None


class Ledger:
    """What was recorded of each tool last."""

    def __init__(self) -> None:
        self._catalog: Catalog | None = None
        self._noted: dict[str, _Noted] = {}
        self._changes: Counter[str] = Counter()
        self._named: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()

    def holds(self, standing: Standing) -> bool:
        """Whether the last record of the tool says what `standing` says, or it never was otherwise than approved."""
        noted = self._noted.get(standing.offer.id)
        return noted is not None and (noted.state, noted.offered) == (standing.state, standing.offer.pin)

    def is_unstable(self, standing: Standing) -> bool:
        """Whether the tool changed too often under the catalog at hand."""
        noted = self._noted.get(standing.offer.id)
        return noted is not None and noted.state is DriftState.UNSTABLE

    def changes(self, comparison: Comparison) -> list[Change]:
        """What is to be recorded before `comparison` counts; what is approved from the start is only noted."""
        if self._catalog is not comparison.catalog:
            self._begin(comparison.catalog)
        found = list(self._gone(comparison))
        unnamed: Counter[str] = Counter()
        room = Counter({server: MAX_NAMED - named for server, named in self._named.items()})
        for standing in self._news(comparison):
            server = standing.offer.server
            if standing.approved is None and room.setdefault(server, MAX_NAMED) <= 0:
                unnamed[server] += 1
                continue
            room[server] -= standing.approved is None
            found.append(self._change(standing, comparison))
        return [*found, *self._counts(unnamed)]

    def settle(self, change: Change) -> None:
        """Note that `change` is recorded."""
        if change.tool is None:
            self._counted[change.server] = change.count
            return
        id_ = f"{change.server}/{change.tool}"
        if change.approved is None:
            self._named[change.server] += 1
        self._changes[id_] += 1
        self._note(change.server, change.tool, change.state, change.offered)

    def _begin(self, catalog: Catalog) -> None:
        """Under another catalog every tool may change again; what nobody offers or approves is forgotten."""
        self._catalog = catalog
        self._changes.clear()
        self._named.clear()
        self._counted.clear()
        for id_, noted in list(self._noted.items()):
            if noted.state is DriftState.UNSTABLE:
                self._note(noted.server, noted.tool, DriftState.CHANGED, None)
            elif noted.state is DriftState.GONE and catalog.find(id_) is None:
                del self._noted[id_]

    def _news(self, comparison: Comparison) -> Iterator[Standing]:
        """The standings that no record says yet."""
        for id_, standing in comparison.by_id.items():
            noted = self._noted.get(id_)
            known = DriftState.APPROVED if noted is None else noted.state
            if known is standing.state is DriftState.APPROVED:
                self._note(standing.offer.server, standing.offer.tool, standing.state, standing.offer.pin)
            elif known is not DriftState.UNSTABLE and not self.holds(standing):
                yield standing

    def _gone(self, comparison: Comparison) -> Iterator[Change]:
        for id_, noted in list(self._noted.items()):
            if id_ in comparison.by_id or noted.state is DriftState.GONE:
                continue
            approved = comparison.catalog.find(id_)
            if approved is None:
                # Nobody could call it, and nobody can.
                del self._noted[id_]
            elif self._changes[id_] < MAX_CHANGES:
                yield Change(noted.server, noted.tool, DriftState.GONE, ReasonCode.TOOL_UNKNOWN, approved.pin)

    def _change(self, standing: Standing, comparison: Comparison) -> Change:
        offer = standing.offer
        twin = comparison.twin_of(offer) if standing.approved is None else None
        if self._changes[offer.id] >= MAX_CHANGES:
            detail = f"it changed {MAX_CHANGES} times under one catalog"
            state, code = DriftState.UNSTABLE, ReasonCode.TOOL_CHANGED
            return Change(offer.server, offer.tool, state, code, standing.approved, offer.pin, twin, detail=detail)
        return Change(
            offer.server, offer.tool, standing.state, standing.code, standing.approved, offer.pin, twin,
            detail=standing.detail,
        )  # fmt: skip

    def _counts(self, unnamed: Counter[str]) -> Iterator[Change]:
        for server, count in unnamed.items():
            # Doubling, so that a server that offers other ones each time fills no log.
            if count >= 2 * self._counted[server]:
                yield Change(server, None, DriftState.UNKNOWN, ReasonCode.TOOL_UNKNOWN, count=count)

    def _note(self, server: str, tool: str, state: DriftState, offered: str | None) -> None:
        self._noted[f"{server}/{tool}"] = _Noted(server, tool, state, offered)
