"""The enforcer's view of the approved catalog, fetched again before it is too old."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from pdp.core.catalog.catalog import Catalog


class CatalogSource(Protocol):
    """Where the catalog comes from."""

    async def catalog(self) -> Catalog:
        """The catalog of the active bundle.

        Raises:
            DecisionError: it could not be had.

        """
        ...


class CatalogView:
    """Holds a catalog for at most `max_age` seconds."""

    def __init__(self, source: CatalogSource, *, max_age: float, steady: Callable[[], float]) -> None:
        self._source = source
        self._max_age = max_age
        self._steady = steady
        self._held: tuple[float, Catalog] | None = None
        self._fetching = asyncio.Lock()

    async def current(self) -> Catalog:
        """The catalog, at most `max_age` old.

        Raises:
            DecisionError: there is none that young.

        """
        found = self._fresh()
        if found is not None:
            return found
        async with self._fetching:
            found = self._fresh()
            if found is None:
                asked = self._steady()
                found = await self._source.catalog()
                self._held = (asked, found)
            return found

    def _fresh(self) -> Catalog | None:
        if self._held is None or self._steady() - self._held[0] > self._max_age:
            return None
        return self._held[1]
