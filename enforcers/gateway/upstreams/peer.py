"""The one implementation of an upstream, over a connector for each transport."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.parameter_header import ParameterHeader, mirrored, parameter_headers
from enforcers.gateway.protocol import TOOLS_CHANGED, Era
from enforcers.gateway.upstreams.channel import Channel, Connector, SessionLostError
from enforcers.gateway.upstreams.conversation import Conversation
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.message import Notification
from pdp.core.contract.record_terms import UpstreamFailure


class Peer:
    """One server; `on_change` is called when it says that its tools changed."""

    def __init__(
        self,
        connector: Connector,
        *,
        limits: UpstreamLimits,
        client: Mapping[str, str],
        on_change: Callable[[], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._connector = connector
        self._limits = limits
        self._client = client
        self._on_change = on_change
        self._log = log
        self._mirrored: Mapping[str, Sequence[ParameterHeader]] = {}
        self._listing: Sequence[JsonObject] = ()
        self._ttl: float | None = None
        self._open: tuple[Channel, Conversation] | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection that is not known to be broken."""
        return self._open is not None and self._open[0].usable

    async def start(self) -> None:
        """Have a connection on which the tools were read; does nothing when there is one.

        Raises:
            UpstreamError: the server does not come up within the start timeout.

        """
        if self.connected:
            return
        await self.aclose()
        try:
            async with asyncio.timeout(self._limits.start_timeout):
                await self._connect()
        except TimeoutError as error:
            raise UpstreamError(
                f"the server does not start within {self._limits.start_timeout:g} seconds",
                failure=UpstreamFailure.TIMEOUT,
            ) from error

    def definitions(self) -> Sequence[JsonObject]:
        """The tools as the server last listed them."""
        return self._listing

    def ttl(self) -> float | None:
        """For how many seconds the server says that its list holds, None where it says nothing."""
        return self._ttl

    async def refresh(self) -> None:
        """Read the tools again.

        Raises:
            UpstreamError: the server did not list them; `definitions` is as it was.

        """
        if self._open is None or not self._open[0].usable:
            await self.start()
            return
        conversation = self._open[1]
        self._take(await conversation.tools(), conversation.ttl)

    async def call(self, tool: str, *, arguments: JsonObject) -> JsonObject:
        """The result of one `tools/call`.

        Raises:
            UpstreamError: there is none.

        """
        if self._open is None or not self._open[0].usable:
            raise SessionLostError("there is no connection to the server", failure=UpstreamFailure.CLOSED)
        conversation = self._open[1]
        headers: Mapping[str, str] = {}
        if conversation.era is Era.MODERN:
            headers = mirrored(self._mirrored.get(tool, ()), arguments=arguments)
        return await conversation.call(tool, arguments=arguments, headers=headers)

    async def aclose(self) -> None:
        """End the connection."""
        listening, self._listening = self._listening, None
        opened, self._open = self._open, None
        if listening is not None:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
        if opened is not None:
            await opened[0].aclose()

    async def _connect(self) -> None:
        channel = await self._connector.connect(self._heard)
        conversation = Conversation(channel, limits=self._limits, client=self._client, log=self._log)
        try:
            await conversation.open()
            self._take(await conversation.tools(), conversation.ttl)
        except BaseException:  # cancellation included: nothing that was started stays behind
            await channel.aclose()
            raise
        self._open = (channel, conversation)
        self._listening = asyncio.create_task(self._listen(conversation))

    async def _listen(self, conversation: Conversation) -> None:
        try:
            await conversation.listen()
        except UpstreamError as error:
            self._log.info("upstream_listening_ended", cause=error.detail)

    def _heard(self, notification: Notification) -> None:
        if notification.method == TOOLS_CHANGED:
            self._on_change()

    def _take(self, tools: Sequence[JsonObject], ttl: float | None) -> None:
        self._listing, self._ttl = tools, ttl
        self._mirrored = {tool["name"]: parameter_headers(tool["inputSchema"]) for tool in tools}
