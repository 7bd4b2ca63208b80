"""Watching: the sources are looked at every interval, and what has changed is taken."""

import asyncio
from typing import Protocol


class Watched(Protocol):
    """Something that follows a source."""

    def refresh(self) -> None:
        """Look at the source, and take what it has; blocks."""
        ...


async def watch(followed: Watched, *, interval: float) -> None:
    """Refresh `followed` every `interval` seconds until cancelled; compiling is done off the event loop."""
    while True:
        await asyncio.sleep(interval)
        await asyncio.to_thread(followed.refresh)


async def watch_from_now(followed: Watched, *, interval: float) -> None:
    """As `watch`, with a first look at once."""
    await asyncio.to_thread(followed.refresh)
    await watch(followed, interval=interval)
