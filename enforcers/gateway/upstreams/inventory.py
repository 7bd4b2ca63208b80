"""Everything that a server offers, read once: tools, prompts, resources and templates."""

import asyncio
from collections.abc import Mapping

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.upstreams.channel import Connector
from enforcers.gateway.upstreams.conversation import Conversation
from enforcers.gateway.upstreams.listing import Listing
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.catalog.definition import Kind
from pdp.core.contract.errors import UpstreamError

Inventory = Mapping[Kind, Listing]
"""What a server lists of each kind."""


async def read_inventory(
    connector: Connector, *, limits: UpstreamLimits, client: Mapping[str, str], log: FilteringBoundLogger
) -> Inventory:
    """What the server lists now, on a connection of its own; kinds that it does not announce are empty.

    Raises:
        UpstreamError: it does not come up within the start timeout or does not list what it announces.

    """
    try:
        async with asyncio.timeout(limits.start_timeout):
            channel = await connector.connect(lambda _: None)
    except TimeoutError as error:
        raise UpstreamError(_late("start", limits.start_timeout)) from error
    conversation = Conversation(channel, limits=limits, client=client, log=log)
    try:
        return await _read(conversation, limits=limits)
    finally:
        await channel.aclose()


async def _read(conversation: Conversation, *, limits: UpstreamLimits) -> Inventory:
    try:
        async with asyncio.timeout(limits.start_timeout):
            await conversation.open()
    except TimeoutError as error:
        raise UpstreamError(_late("start", limits.start_timeout)) from error
    found = {}
    for kind in Kind:
        try:
            async with asyncio.timeout(limits.call_timeout):
                found[kind] = await conversation.list_of(kind)
        except TimeoutError as error:
            raise UpstreamError(_late(f"list its {kind}s", limits.call_timeout)) from error
    return found


def _late(what: str, seconds: float) -> str:
    return f"the server does not {what} within {seconds:g} seconds"
