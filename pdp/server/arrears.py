"""Which records have not come to the log, by who wrote them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.audit.store import Run, StoreUnavailableError
from pdp.core.contract.errors import UnusableError

INTERVAL_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Arrear:
    """`missing` records are between those that came, `behind` after them, by the writer's word."""

    missing: int = 0
    behind: int = 0


def arrears_of(runs: Sequence[Run]) -> Mapping[str, Arrear]:
    """What each writer's runs come to, by its name."""
    found: dict[str, Arrear] = {}
    for run in runs:
        before = found.get(run.writer, Arrear())
        found[run.writer] = Arrear(before.missing + run.missing, before.behind + run.behind)
    return dict(sorted(found.items()))


class Arrears:
    """Asks the log every `INTERVAL_SECONDS`; `read` gives its runs, and blocks."""

    def __init__(self, read: Callable[[], Sequence[Run]], *, log: FilteringBoundLogger) -> None:
        self._read = read
        self._log = log
        self.last: Mapping[str, Arrear] = {}

    async def run(self) -> None:
        """Go on asking; never returns."""
        while True:
            await self.refresh()
            await asyncio.sleep(INTERVAL_SECONDS)

    async def refresh(self) -> None:
        """Ask now; where the log cannot be read, what was known stays."""
        try:
            self.last = arrears_of(await asyncio.to_thread(self._read))
        except (StoreUnavailableError, UnusableError) as error:
            self._log.warning("log_runs_not_read", cause=str(error))
