"""Watching: the sources are looked at every interval, and activated when they have changed."""

import asyncio

from pdp.lifecycle.activate import ActiveBundle


async def watch(active: ActiveBundle, *, interval: float) -> None:
    """Refresh `active` every `interval` seconds until cancelled; compiling is done off the event loop."""
    while True:
        await asyncio.sleep(interval)
        await asyncio.to_thread(active.refresh)
