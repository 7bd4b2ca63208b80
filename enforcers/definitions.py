"""What may be listed and called now: live definitions compared with the catalog, every change recorded first."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from structlog.typing import FilteringBoundLogger

from enforcers.catalog_view import CatalogView
from enforcers.comparison import MAX_NAME, Admission, Comparison, Standing
from enforcers.drift import Change, Ledger
from enforcers.offer import Offer, Offers
from enforcers.recorder import Recorder
from pdp.core.contract.errors import RecordError, Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DriftState
from pdp.core.text.hidden_text import shown

_EVENTS: Final = {state: f"tool_{state}" for state in DriftState}


class Definitions:
    """Compares the table of `offers` with the catalog whenever one of them is another.

    INVARIANT: what differs from its last record is neither listed nor called before it is recorded.
    """

    def __init__(self, offers: Offers, *, catalog: CatalogView, recorder: Recorder, log: FilteringBoundLogger) -> None:
        self._offers = offers
        self._catalog = catalog
        self._recorder = recorder
        self._log = log
        self._ledger = Ledger()
        self._admission = Admission()
        self._latest: Comparison | None = None
        self._comparing = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        offers.subscribe(self._wanted.set)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when other tools, or tools with other definitions, may be called than before."""
        self._listeners.append(listener)

    async def current(self) -> Comparison:
        """The comparison of what is offered now with the catalog of now, with its changes recorded.

        Raises:
            DecisionError: there is no catalog.

        """
        catalog = await self._catalog.current()
        latest = self._latest
        if latest is not None and latest.catalog is catalog and latest.table is self._offers.table():
            return latest
        return await self.compare()

    async def find(self, wire_name: str) -> Standing:
        """What a call of that name gets; waits for a change that the server announced to be read.

        Raises:
            Refused: `tool_unknown`; `upstream_unavailable` where the server does not say what it offers now.
            DecisionError: there is no catalog.

        """
        await self._offers.settled(wire_name)
        standing = (await self.current()).by_name.get(wire_name)
        if standing is None:
            raise Refused(ReasonCode.TOOL_UNKNOWN, f"no server offers `{wire_name[:MAX_NAME]}`")
        return standing

    async def usable(self) -> Sequence[tuple[str, Standing]]:
        """Every wire name under which something may be called, in their order.

        Raises:
            DecisionError: there is no catalog.

        """
        comparison = await self.current()
        return [(name, one) for name, one in comparison.usable() if self._ledger.holds(one)]

    def check_recorded(self, standing: Standing) -> None:
        """Return when the log says of the tool what `standing` says.

        Raises:
            Refused: `tool_changed` where it changes all the time.
            RecordError: what it is now could not be recorded.

        """
        if self._ledger.holds(standing):
            return
        if self._ledger.is_unstable(standing):
            raise Refused(ReasonCode.TOOL_CHANGED, "its definition changes all the time")
        raise RecordError("the change of the tool is not recorded yet")

    def offered(self, wire_name: str) -> Offer | None:
        """The offer that was behind the name when last compared, None where a call would not go anywhere."""
        standing = None if self._latest is None else self._latest.by_name.get(wire_name)
        return None if standing is None or standing.tool is None else standing.offer

    def common_scopes(self) -> Sequence[str]:
        """The scopes that every tool needed when last compared."""
        return () if self._latest is None else self._latest.common_scopes

    async def watch(self) -> None:
        """Compare when a server's tools were read or another catalog may be there; never returns."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._catalog.interval):
                    await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.compare()
            except Refused as refusal:
                self._log.warning("tools_not_compared", code=refusal.code, cause=refusal.detail)
            except Exception:  # noqa: BLE001 - the edge of this task, which must go on
                self._log.exception("tools_not_compared")

    async def compare(self) -> Comparison:
        """Compare, and record what is not recorded yet.

        Raises:
            DecisionError: there is no catalog.

        """
        async with self._comparing:
            catalog, table, latest = await self._catalog.current(), self._offers.table(), self._latest
            same = latest is not None and latest.catalog is catalog and latest.table is table
            comparison = latest if same and latest else Comparison(table, catalog=catalog, admission=self._admission)
            before = self._callable(latest)
            await self._record(self._ledger.changes(comparison))
            self._latest = comparison
        if self._callable(comparison) != before:
            for listener in self._listeners:
                listener()
        return comparison

    def _callable(self, comparison: Comparison | None) -> dict[str, str]:
        usable = () if comparison is None else comparison.usable()
        return {name: one.offer.pin for name, one in usable if self._ledger.holds(one)}

    async def _record(self, changes: Sequence[Change]) -> None:
        """Record `changes`, then tell of them; where that fails, what changed stays hidden until it is done."""
        if not changes:
            return
        try:
            await self._recorder.drifts(changes)
        except RecordError as error:
            self._log.warning("record_lost", changes=len(changes), detail=error.detail)
            return
        for change in changes:
            self._ledger.settle(change)
            self._tell(change)

    def _tell(self, change: Change) -> None:
        approves = change.state is DriftState.APPROVED
        (self._log.info if approves else self._log.warning)(
            _EVENTS[change.state],
            server=change.server,
            tool=None if change.tool is None else shown(change.tool, most=MAX_NAME),
            count=change.count,
            approved=change.approved,
            offered=change.offered,
            twin=None if change.twin is None else shown(change.twin, most=MAX_NAME),
            detail=None if change.detail is None else shown(change.detail, most=4 * MAX_NAME),
        )
