"""The enforcer's view of the approved catalog: asked after before it is too old, fetched when it is another."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from enforcers.decision_source import CatalogSource
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.errors import DecisionError

_EARLY: Final = 0.5
"""The part of `max_age` after which the catalog is asked after, while what is held still serves."""


@dataclass(frozen=True, slots=True)
class _Held:
    asked: float
    name: str
    catalog: Catalog


class CatalogView:
    """Holds a catalog; it is used for at most `max_age` seconds after it was last known to be the active one.

    The same object comes back for as long as the catalog is the same.
    """

    def __init__(
        self, source: CatalogSource, *, max_age: float, steady: Callable[[], float], log: FilteringBoundLogger
    ) -> None:
        self._source = source
        self._max_age = max_age
        self._steady = steady
        self._log = log
        self._held: _Held | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def interval(self) -> float:
        """The time in seconds after which whoever watches for another catalog asks again."""
        return self._max_age * _EARLY

    async def current(self) -> Catalog:
        """The catalog, known to be active at most `max_age` ago; nobody waits while what is held is younger.

        Raises:
            DecisionError: there is none that young.

        """
        held, age = self._held, self._age()
        if held is not None and age < self._max_age * _EARLY:
            return held.catalog
        asking = self._ask()
        if held is not None and age < self._max_age:
            return held.catalog
        # One question at a time, and no caller can cancel it for the others.
        await asyncio.shield(asking)
        if self._held is None:
            raise RuntimeError("a catalog that was had is held")
        return self._held.catalog

    async def aclose(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _age(self) -> float:
        return 0.0 if self._held is None else self._steady() - self._held.asked

    def _ask(self) -> asyncio.Task[None]:
        if self._asking is None:
            self._asking = asyncio.create_task(self._refresh())
            self._asking.add_done_callback(self._asked)
        return self._asking

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        error = None if task.cancelled() else task.exception()
        if isinstance(error, DecisionError):
            self._log.warning("catalog_not_refreshed", code=error.code, cause=error.detail)
        elif error is not None:
            self._log.error("catalog_not_refreshed", exc_info=error)

    async def _refresh(self) -> None:
        asked, held = self._steady(), self._held
        name = await self._source.catalog_name()
        if held is not None and held.name == name:
            self._held = _Held(asked, name, held.catalog)
            return
        self._held = _Held(asked, name, await self._source.catalog(name))
        self._log.info("catalog_taken", catalog=name)
