"""Asking many servers what they offer, some at a time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from enforcers.gateway.app import introduction
from enforcers.gateway.upstreams.channel import Connector
from enforcers.gateway.upstreams.inventory import Inventory, read_inventory
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import UpstreamError

_AT_ONCE: Final = 4
_PATIENCE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of asking one server: its inventory, or why there is none."""

    server: str
    answer: Inventory | UpstreamError


async def read_servers(
    connectors: Mapping[str, Connector], *, limits: UpstreamLimits, waiting: Callable[[Sequence[str]], None]
) -> Sequence[Reading]:
    """What each server, of at least one, lists, in the order given.

    `waiting` is called with the servers still to come, after a second and then as each of them answers.
    """
    free = asyncio.Semaphore(_AT_ONCE)

    async def read(server: str) -> Reading:
        async with free:
            log = structlog.get_logger("toolgate.upstream").bind(server=server)
            try:
                found = await read_inventory(connectors[server], limits=limits, client=introduction(), log=log)
            except UpstreamError as error:
                return Reading(server, error)
            return Reading(server, found)

    tasks = {server: asyncio.create_task(read(server), name=server) for server in connectors}
    telling = asyncio.create_task(_tell(tasks, waiting))
    try:
        return [await task for task in tasks.values()]
    finally:
        telling.cancel()
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(telling, *tasks.values(), return_exceptions=True)


async def _tell(tasks: Mapping[str, asyncio.Task[Reading]], waiting: Callable[[Sequence[str]], None]) -> None:
    await asyncio.wait(tasks.values(), timeout=_PATIENCE)
    while left := [server for server, task in tasks.items() if not task.done()]:
        waiting(left)
        await asyncio.wait([tasks[server] for server in left], return_when=asyncio.FIRST_COMPLETED)
