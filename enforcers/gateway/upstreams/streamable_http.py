"""A channel to a server over streamable HTTP, of either era.

Only configured headers and those of the protocol are sent: nothing of a caller's ever is. Redirects are
not followed, cookies not kept, compressed answers not read, and one answer is read up to a bound.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp

from enforcers.gateway.protocol import CANCELLED, INITIALIZE, MODERN_VERSIONS
from enforcers.gateway.upstreams.channel import Question, RejectedError, SessionLostError, read_message, reply_to
from enforcers.gateway.upstreams.event_stream import EventStream
from enforcers.gateway.upstreams.http_headers import EVENTS, JSON, SESSION_HEADER, ProtocolHeaders, session_id
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import MessageError, UpstreamError
from pdp.core.contract.message import ErrorAnswer, Message, Notification, Request, Result, write
from pdp.core.contract.record_terms import UpstreamFailure

_OK: Final = 200
_NOT_FOUND: Final = 404
_CLIENT_ERRORS: Final = range(400, 500)


class HttpConnector:
    """Opens channels to the server at `url`; `headers` are sent with everything."""

    def __init__(self, url: str, *, headers: Mapping[str, str], limits: UpstreamLimits) -> None:
        self._url = url
        self._headers = headers
        self._limits = limits

    async def connect(self, heard: Callable[[Notification], None]) -> "HttpChannel":
        """A channel; nothing is sent yet."""
        client = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.start_timeout),
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
            trust_env=False,
        )
        return HttpChannel(client, url=self._url, headers=self._headers, heard=heard, limits=self._limits)


class HttpChannel:
    """One POST for each message; the session, where a legacy server opens one, is part of the channel."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        *,
        url: str,
        headers: Mapping[str, str],
        heard: Callable[[Notification], None],
        limits: UpstreamLimits,
    ) -> None:
        self._client = client
        self._url = url
        self._dress = ProtocolHeaders(headers)
        self._heard = heard
        self._limits = limits
        self._version: str | None = None
        self._cancelling: set[asyncio.Task[None]] = set()
        self.usable = True

    async def ask(self, question: Question) -> Result | ErrorAnswer:
        """The answer to `question`; a modern server learns of a cancelled one by the closed stream.

        Raises:
            UpstreamError: none came that can be trusted; SessionLostError and RejectedError say more.

        """
        try:
            async with self._post(question.request, question.version, question.headers) as response:
                return await self._answer(question, response)
        except asyncio.CancelledError:
            self._tell_cancelled(question)
            raise

    async def tell(self, notification: Notification, *, version: str | None) -> None:
        """Send a notification.

        Raises:
            UpstreamError: the server does not accept it.

        """
        self._version = version
        async with self._post(notification, version, {}) as response:
            if not response.ok:
                raise UpstreamError(f"the server answers a notification with HTTP status {response.status}")

    async def aclose(self) -> None:
        """End the session and close every connection."""
        self.usable = False
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            if self._dress.session is not None:
                async with asyncio.timeout(self._limits.stop_timeout):
                    headers = self._dress.headers(None, version=self._version)
                    await self._client.delete(self._url, headers=headers, allow_redirects=False)
        for task in self._cancelling:
            task.cancel()
        await self._client.close()

    @asynccontextmanager
    async def _post(
        self, message: Message, version: str | None, mirrored: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = self._dress.headers(message, version=version) | dict(mirrored)
        try:
            async with self._client.post(
                self._url, data=write(message), headers=headers, allow_redirects=False
            ) as response:
                yield response
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamError(
                f"the server cannot be reached: {type(error).__name__}", failure=UpstreamFailure.UNREACHABLE
            ) from error

    async def _answer(self, question: Question, response: aiohttp.ClientResponse) -> Result | ErrorAnswer:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UpstreamError("the server compresses its answers although it was asked not to")
        if response.status == _NOT_FOUND and self._dress.session is not None:
            self.usable = False
            raise SessionLostError("the server has ended the session", failure=UpstreamFailure.CLOSED)
        if response.status == _OK and response.content_type == EVENTS:
            answer = await self._from_events(question, response)
        else:
            answer = await self._from_body(question, response)
        if question.request.method == INITIALIZE and isinstance(answer, Result):
            self._dress.session = session_id(response.headers.get(SESSION_HEADER))
        return answer

    async def _from_body(self, question: Question, response: aiohttp.ClientResponse) -> Result | ErrorAnswer:
        rejected = RejectedError(f"the server answers with HTTP status {response.status}")
        if response.status != _OK and response.status not in _CLIENT_ERRORS:
            raise UpstreamError(rejected.detail)
        if response.content_type != JSON:
            raise rejected if response.status != _OK else UpstreamError("the server answers with no JSON")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            self._check_size(len(body))
        try:
            answer = _expected(self._read(bytes(body)), question.request)
        except UpstreamError as error:
            raise error if response.status == _OK else rejected from error
        if response.status != _OK and not isinstance(answer, ErrorAnswer):
            raise rejected
        return answer

    async def _from_events(self, question: Question, response: aiohttp.ClientResponse) -> Result | ErrorAnswer:
        events, size = EventStream(), 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            self._check_size(size)
            for data in events.feed(chunk):
                message = self._read(data)
                match message:
                    case Notification():
                        self._heard(message)
                    case Request():
                        await self._reply(message, question.version)
                    case Result() | ErrorAnswer():
                        return _expected(message, question.request)
        raise UpstreamError("the server's stream ends without an answer", failure=UpstreamFailure.CLOSED)

    async def _reply(self, request: Request, version: str | None) -> None:
        async with self._post(reply_to(request), version, {}):
            pass

    def _read(self, raw: bytes) -> Message:
        try:
            return read_message(raw, limits=self._limits.message)
        except MessageError as error:
            raise UpstreamError(f"the server answers with something that is no message: {error.detail}") from error

    def _check_size(self, size: int) -> None:
        if size > self._limits.message.max_bytes:
            raise UpstreamError(f"the server's answer has more than {self._limits.message.max_bytes} bytes")

    def _tell_cancelled(self, question: Question) -> None:
        """Tell a legacy server, to which a closed stream means nothing, without waiting for it."""
        if question.version is None or question.version in MODERN_VERSIONS or not self.usable:
            return
        task = asyncio.create_task(self._cancel(question))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _cancel(self, question: Question) -> None:
        notification = Notification(CANCELLED, {"requestId": question.request.id})
        with suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(self._limits.stop_timeout):
                await self.tell(notification, version=question.version)


def _expected(message: Message, request: Request) -> Result | ErrorAnswer:
    if isinstance(message, ErrorAnswer) and message.id is None:
        return message
    if not isinstance(message, Result | ErrorAnswer) or message.id != request.id:
        raise UpstreamError("the server answers another question than was asked")
    return message
