"""A channel over the standard streams of a process: one JSON-RPC message a line, many questions at once.

What the process writes is read strictly. A line that is no message, or an answer to something that was
not asked, means that nothing on this stream can be trusted: every open question fails, and the channel
is used no more.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.lines import Lines
from enforcers.gateway.protocol import CANCELLED, DISCOVER, INITIALIZE
from enforcers.gateway.upstreams.channel import Question, SessionLostError, read_message, reply_to
from enforcers.gateway.upstreams.process import Command, ServerProcess, ended, spawn
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import MessageError, UpstreamError
from pdp.core.contract.message import ErrorAnswer, Message, Notification, Request, RequestId, Result, write
from pdp.core.contract.record_terms import UpstreamFailure

_CHUNK: Final = 256 * 1024
_MAX_GIVEN_UP: Final = 65_536
_NOT_CANCELLED: Final = frozenset({INITIALIZE, DISCOVER})


class StdioConnector:
    """Starts a process for each connection."""

    def __init__(self, command: Command, *, limits: UpstreamLimits, log: FilteringBoundLogger) -> None:
        self._command = command
        self._limits = limits
        self._log = log

    async def connect(self, heard: Callable[[Notification], None]) -> "StdioChannel":
        """A channel to a new process.

        Raises:
            UpstreamError: the process cannot be started.

        """
        process = await spawn(self._command, stop_timeout=self._limits.stop_timeout, log=self._log)
        return StdioChannel(process, heard=heard, limits=self._limits, log=self._log)


class StdioChannel:
    """Questions and answers, told apart by their ids."""

    def __init__(
        self,
        process: ServerProcess,
        *,
        heard: Callable[[Notification], None],
        limits: UpstreamLimits,
        log: FilteringBoundLogger,
    ) -> None:
        self._process = process
        self._heard = heard
        self._limits = limits
        self._log = log
        self._open: dict[RequestId, asyncio.Future[Result | ErrorAnswer]] = {}
        self._given_up: OrderedDict[RequestId, None] = OrderedDict()
        self._silent_timeouts = 0
        self._broken: UpstreamError | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._reading = asyncio.create_task(self._read())

    @property
    def usable(self) -> bool:
        """Whether the process still answers as far as we know."""
        return self._broken is None

    async def ask(self, question: Question) -> Result | ErrorAnswer:
        """The answer to `question`.

        Raises:
            UpstreamError: the process ended, broke the protocol, or did so before.

        """
        if self._broken is not None:
            raise SessionLostError(self._broken.detail, failure=self._broken.failure)
        request = question.request
        asked_at = self._loop.time()
        answer: asyncio.Future[Result | ErrorAnswer] = self._loop.create_future()
        self._open[request.id] = answer
        try:
            await self._send(request)
            return await answer
        except asyncio.CancelledError:
            self._give_up(request, asked_at)
            raise
        finally:
            self._open.pop(request.id, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen, also where sending failed first

    async def tell(self, notification: Notification, *, version: str | None) -> None:  # noqa: ARG002 - of the port
        """Send a notification.

        Raises:
            UpstreamError: the process is gone.

        """
        await self._send(notification)

    async def aclose(self) -> None:
        """End the process."""
        self._end(UpstreamError("the connection was closed", failure=UpstreamFailure.CLOSED))
        if self._stopping is not None:
            await self._stopping
        await ended(self._reading, within=self._limits.stop_timeout)

    async def _send(self, message: Message) -> None:
        try:
            self._process.stdin.write(write(message) + b"\n")
            await self._process.stdin.drain()
        except (OSError, RuntimeError) as error:
            broken = UpstreamError(
                f"the process takes no more input: {type(error).__name__}", failure=UpstreamFailure.CLOSED
            )
            self._break(broken)
            raise broken from error

    def _give_up(self, request: Request, asked_at: float) -> None:
        """Stop waiting; a process that stays silent through several whole timeouts is taken for hung."""
        self._given_up[request.id] = None
        while len(self._given_up) > _MAX_GIVEN_UP:
            self._given_up.popitem(last=False)
        silence = self._loop.time() - max(asked_at, self._heard_at)
        self._silent_timeouts += silence >= self._limits.call_timeout
        if self._silent_timeouts >= self._limits.silent_timeouts:
            self._break(
                UpstreamError(
                    f"the process was silent through {self._silent_timeouts} timeouts", failure=UpstreamFailure.TIMEOUT
                )
            )
        elif self._broken is None and request.method not in _NOT_CANCELLED:
            with suppress(OSError, RuntimeError):
                self._process.stdin.write(write(Notification(CANCELLED, {"requestId": request.id})) + b"\n")

    async def _read(self) -> None:
        """Read to the end of the output, also when nothing in it counts any more, so that the pipe closes."""
        lines = Lines(max_bytes=self._limits.message.max_bytes)
        while chunk := await self._next_chunk():
            self._silent_timeouts, self._heard_at = 0, self._loop.time()
            try:
                for line in lines.feed(chunk) if self._broken is None else ():
                    await self._take(line)
            except UpstreamError as error:
                self._break(error)
        self._break(UpstreamError("the process ended or closed its output", failure=UpstreamFailure.CLOSED))

    async def _next_chunk(self) -> bytes:
        try:
            return await self._process.stdout.read(_CHUNK)
        except OSError:
            return b""

    async def _take(self, line: bytes | None) -> None:
        if line is None:
            raise UpstreamError(f"the process wrote a line of more than {self._limits.message.max_bytes} bytes")
        try:
            message = read_message(line, limits=self._limits.message)
        except MessageError as error:
            raise UpstreamError(f"the process wrote a line that is no message: {error.detail}") from error
        match message:
            case Notification():
                self._heard(message)
            case Request():
                await self._send(reply_to(message))
            case Result(id=answered) | ErrorAnswer(id=answered):
                self._settle(message, answered)

    def _settle(self, answer: Result | ErrorAnswer, answered: RequestId | None) -> None:
        if answered is not None and answered in self._given_up:
            del self._given_up[answered]
            return
        waiting = self._open.pop(answered, None) if answered is not None else None
        if waiting is None:
            raise UpstreamError("the process answered a question that is not open")
        if not waiting.done():
            waiting.set_result(answer)

    def _break(self, cause: UpstreamError) -> None:
        if self._broken is None:
            self._log.warning("upstream_connection_lost", cause=cause.detail)
            self._end(cause)

    def _end(self, cause: UpstreamError) -> None:
        """Fail what is open and stop the process; only the first cause counts."""
        if self._broken is not None:
            return
        self._broken = cause
        self._stopping = asyncio.create_task(self._process.stop())
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_exception(UpstreamError(cause.detail, failure=cause.failure))
        self._open.clear()
