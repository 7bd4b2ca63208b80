"""The enforcer's view of a generation: the approved catalog and the claims mapping.

It is asked after before it is too old, and fetched when it is another.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from enforcers.decision_source import CatalogSource
from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.authzen import CatalogHead
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.run_head import RunHead
from pdp.core.identity.mapping import IdentityMapping

_EARLY: Final = 0.5
"""The part of `max_age` after which the catalog is asked after, while what is held still serves."""


@dataclass(frozen=True, slots=True)
class _Held:
    asked: float
    head: CatalogHead
    catalog: Catalog
    mapping: IdentityMapping


class CatalogView:
    """Holds one generation's; it is used for at most `max_age` seconds after it was last known to be the active one.

    The same objects come back for as long as they are the same. `heads` is how far the runs of records are, which
    whoever is asked is told.
    """

    def __init__(
        self,
        source: CatalogSource,
        *,
        max_age: float,
        steady: Callable[[], float],
        log: FilteringBoundLogger,
        heads: Callable[[], Sequence[RunHead]] = lambda: (),
    ) -> None:
        self._source = source
        self._heads = heads
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
        return (await self._usable()).catalog

    async def mapping(self) -> IdentityMapping:
        """The claims mapping of the generation whose catalog `current` has.

        Raises:
            DecisionError: there is none that young.

        """
        return (await self._usable()).mapping

    async def mapping_after(self, stale: str | None) -> IdentityMapping:
        """The claims mapping, asked for now unless another than that with the digest `stale` is held already.

        Raises:
            DecisionError: it could not be had.

        """
        if self._asking is not None:
            # What is under way may have been answered before the mapping was replaced.
            await asyncio.wait([self._asking])
        if self._held is None or self._held.head.mapping == stale:
            await asyncio.shield(self._ask())
        return (await self._usable()).mapping

    async def aclose(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _usable(self) -> _Held:
        held, age = self._held, self._age()
        if held is not None and age < self._max_age * _EARLY:
            return held
        asking = self._ask()
        if held is not None and age < self._max_age:
            return held
        # One question at a time, and no caller can cancel it for the others.
        await asyncio.shield(asking)
        if self._held is None:
            raise RuntimeError("a catalog that was had is held")
        return self._held

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
        """INVARIANT: catalog and mapping are replaced together, so no call sees half of two generations."""
        asked, held = self._steady(), self._held
        head = await self._source.catalog_head(
            using=None if held is None else held.head.generation, records=self._heads()
        )
        same_catalog = held is not None and held.head.digest == head.digest
        same_mapping = held is not None and held.head.mapping == head.mapping
        catalog = held.catalog if held is not None and same_catalog else await self._source.catalog(head.digest)
        mapping = held.mapping if held is not None and same_mapping else await self._source.mapping(head.mapping)
        self._held = _Held(asked, head, catalog, mapping)
        if not same_catalog:
            self._log.info("catalog_taken", catalog=head.digest)
        if not same_mapping:
            self._log.info("mapping_taken", mapping=head.mapping)
