"""MCP over a pair of byte streams, one message a line, for both eras (MCP 2026-07-28, "stdio")."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from structlog.typing import FilteringBoundLogger

from enforcers.caller import Caller
from enforcers.gateway.answer import Answer, WireError, unreadable
from enforcers.gateway.envelope import check_meta, era_of
from enforcers.gateway.lines import Lines
from enforcers.gateway.protocol import CANCELLED, INITIALIZE, PING, TOOLS_CHANGED, Era, RevisionError
from enforcers.gateway.service import Service
from pdp.core.contract.checked_call import TOOLS_LIST
from pdp.core.contract.errors import MessageError, Refused, ToolgateError
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.contract.message import INVALID_REQUEST, Message, Notification, Request, RequestId, Result, read, write
from pdp.core.contract.method import METHODS, Gate
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode

MAX_IN_FLIGHT: Final = 256
"""How many requests of one client are worked on at a time; what is beyond is refused."""

ReadChunk: TypeAlias = Callable[[], Awaitable[bytes]]
WriteLine: TypeAlias = Callable[[bytes], Awaitable[None]]


class StdioTransport:
    """Serves one client; `ready` returns once tools can be listed and called."""

    def __init__(
        self,
        service: Service,
        *,
        caller: Caller,
        limits: JsonLimits,
        ready: Callable[[], Awaitable[None]],
        write_line: WriteLine,
        log: FilteringBoundLogger,
    ) -> None:
        self._service = service
        self._caller = caller
        self._limits = limits
        self._ready = ready
        self._write_line = write_line
        self._log = log
        self._initialized = False
        self._in_flight: dict[RequestId, asyncio.Task[None]] = {}
        self._listed = False
        self._telling: asyncio.Task[None] | None = None

    async def serve(self, read_chunk: ReadChunk) -> None:
        """Answer until the input ends and everything that was asked is answered."""
        lines = Lines(max_bytes=self._limits.max_bytes)
        try:
            while chunk := await read_chunk():
                for line in lines.feed(chunk):
                    await self._take(line)
            if self._in_flight:
                await asyncio.wait(self._in_flight.values())
        finally:
            for task in self._in_flight.values():
                task.cancel()
            if self._telling is not None:
                self._telling.cancel()

    def tools_changed(self) -> None:
        """Tell a legacy client that has listed tools since the last time that there may be others now."""
        if self._listed:
            self._listed = False
            self._telling = asyncio.create_task(self._tell(Notification(TOOLS_CHANGED)))

    async def _take(self, line: bytes | None) -> None:
        if line is None:
            await self._refuse_unread(ReasonCode.MESSAGE_TOO_LARGE, WireError(INVALID_REQUEST))
            return
        try:
            message = read(line, limits=self._limits)
        except MessageError as error:
            answer = await self._service.refuse(
                error, caller=self._caller, era=Era.MODERN, wire=unreadable(error, raw=line, limits=self._limits)
            )
            await self._send(answer)
            return
        match message:
            case Request():
                await self._begin(message)
            case Notification(method=method, params=params):
                if method == CANCELLED:
                    self._cancel(params.get("requestId"))
            case _:
                self._log.warning("answer_dropped", cause="it answers a question that was not asked")

    async def _begin(self, request: Request) -> None:
        """Answer at once what asks for no decision, so that order is kept; work on the rest beside it."""
        try:
            era = self._admit(request)
        except Refused as refusal:
            era = era_of(request)
            await self._send(await self._service.refuse(refusal, caller=self._caller, era=era, message=request))
            return
        if METHODS.get(request.method, Gate.OPEN) is Gate.OPEN:
            answer = await self._service.answer(request, era=era, caller=self._caller)
            self._initialized |= request.method == INITIALIZE and isinstance(answer.message, Result)
            await self._send(answer)
            return
        task = asyncio.create_task(self._work(request, era))
        self._in_flight[request.id] = task
        task.add_done_callback(lambda _: self._in_flight.pop(request.id, None))

    def _admit(self, request: Request) -> Era:
        era = era_of(request)
        if request.id in self._in_flight:
            raise RevisionError("the id belongs to a request that is not answered yet", rpc_code=INVALID_REQUEST)
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            raise Refused(ReasonCode.LIMIT_EXCEEDED, f"{MAX_IN_FLIGHT} requests are being worked on")
        if era is Era.MODERN:
            check_meta(request)
        elif not self._initialized and request.method not in {INITIALIZE, PING}:
            text = "a request needs `_meta` with its protocol version, or an `initialize` before it"
            raise RevisionError(text, rpc_code=INVALID_REQUEST)
        return era

    async def _work(self, request: Request, era: Era) -> None:
        try:
            await self._ready()
        except ToolgateError:
            return  # whoever starts the servers tells, and ends the process
        # Before the answer is made: a change on the way to the client is one that it is told of.
        self._listed |= era is Era.LEGACY and request.method == TOOLS_LIST
        await self._send(await self._service.answer(request, era=era, caller=self._caller))

    def _cancel(self, request_id: object) -> None:
        """Stop working on a request; it is not answered (MCP 2026-07-28, "Cancellation")."""
        task = self._in_flight.get(request_id) if isinstance(request_id, str | int) else None
        if task is not None:
            task.cancel()

    async def _refuse_unread(self, code: ReasonCode, wire: WireError) -> None:
        error = MessageError(code, f"a line of more than {self._limits.max_bytes} bytes", caller_text=CALLER_TEXT[code])
        await self._send(await self._service.refuse(error, caller=self._caller, era=Era.MODERN, wire=wire))

    async def _send(self, answer: Answer) -> None:
        await self._tell(answer.message)

    async def _tell(self, message: Message) -> None:
        try:
            await self._write_line(write(message) + b"\n")
        except OSError as error:
            self._log.info("client_gone", cause=type(error).__name__)
