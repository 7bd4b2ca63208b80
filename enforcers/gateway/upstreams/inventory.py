"""Everything that a server offers, read once: tools, prompts, resources and templates."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.protocol import TOOLS_CHANGED
from enforcers.gateway.upstreams.channel import Connector
from enforcers.gateway.upstreams.conversation import Conversation
from enforcers.gateway.upstreams.listing import Listing
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.catalog.definitions.definition import Kind
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.message import Notification
from pdp.core.contract.record_terms import UpstreamFailure

T = TypeVar("T")

Inventory = Mapping[Kind, Listing]
"""What a server lists of each kind."""

_CHANGES: Final = frozenset(
    {TOOLS_CHANGED, "notifications/prompts/list_changed", "notifications/resources/list_changed"}
)
_READINGS: Final = 5


async def read_inventory(
    connector: Connector, *, limits: UpstreamLimits, client: Mapping[str, str], log: FilteringBoundLogger
) -> Inventory:
    """What the server lists now, on a connection of its own; kinds that it does not announce are empty.

    Raises:
        UpstreamError: it does not come up within the start timeout, does not list what it announces, or
            says at every reading that its lists have changed.

    """
    changes: list[str] = []

    def heard(notification: Notification) -> None:
        if notification.method in _CHANGES:
            changes.append(notification.method)

    channel = await _within(connector.connect(heard), "start", limits.start_timeout)
    conversation = Conversation(channel, limits=limits, client=client, log=log)
    try:
        await _within(conversation.open(), "start", limits.start_timeout)
        for _ in range(_READINGS):
            changes.clear()
            found = {
                kind: await _within(conversation.list_of(kind), f"list its {kind}s", limits.call_timeout)
                for kind in Kind
            }
            if not changes:
                return found
        raise UpstreamError("the server's lists change whenever they are read")
    finally:
        await channel.aclose()


async def _within(asked: Awaitable[T], what: str, seconds: float) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except TimeoutError as error:
        raise UpstreamError(
            f"the server does not {what} within {seconds:g} seconds", failure=UpstreamFailure.TIMEOUT
        ) from error
