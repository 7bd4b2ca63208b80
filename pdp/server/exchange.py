"""One HTTP exchange: a request with its whole body, and the answer to it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

from pdp.core.contract.errors import ToolgateError

Scope: TypeAlias = MutableMapping[str, Any]
AsgiMessage: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[AsgiMessage]]
Send: TypeAlias = Callable[[AsgiMessage], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

JSON: Final = b"application/json"
TEXT: Final = b"text/plain; charset=utf-8"
CLOSE: Final[Headers] = ((b"connection", b"close"),)


class RefusedExchange(ToolgateError):  # noqa: N818 - as `Refused`
    """The exchange ends here, with this status and a constant text."""

    def __init__(self, status: int, text: str, *, headers: Headers = ()) -> None:
        self.status = status
        self.text = text
        self.headers = headers
        super().__init__(f"{status}: {text}")

    def answer(self) -> "Answer":
        """What the caller gets."""
        return Answer(self.status, self.text.encode(), TEXT, self.headers)


class DisconnectedError(ToolgateError):
    """The caller went away before its request was complete."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are lower case, `started` is on the steady clock, `body` comes later."""

    method: str
    path: str
    headers: Headers
    client_ip: str | None
    started: float
    body: bytes = b""

    def header(self, name: bytes) -> str | None:
        """The value of a header that may stand there once, None without it.

        Raises:
            RefusedExchange: it is there more than once, so that two readers could take different ones.

        """
        values = [value for key, value in self.headers if key == name]
        if len(values) > 1:
            raise RefusedExchange(400, f"the header `{name.decode()}` is repeated")
        return values[0].decode("latin-1") if values else None


def request_of(scope: Scope, *, started: float) -> Request:
    """The request in `scope`, without its body, which comes later."""
    client = scope.get("client")
    headers = tuple(scope["headers"])
    return Request(scope["method"], scope["path"], headers, client[0] if client else None, started)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: Headers = ()


def json_answer(value: Any, *, status: int = 200, headers: Headers = ()) -> Answer:
    """An answer with the JSON of `value`."""
    return Answer(status, msgspec.json.encode(value), JSON, headers)


def has_body(request: Request) -> bool:
    """Whether a body comes after the head of `request`."""
    names = {name for name, value in request.headers if value != b"0"}
    return not names.isdisjoint({b"content-length", b"transfer-encoding"})


def check_json(request: Request) -> None:
    """Pass a request whose body says that it is plain JSON.

    Raises:
        RefusedExchange: it says something else.

    """
    media_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RefusedExchange(415, "the body must be `application/json`")
    if (request.header(b"content-encoding") or "identity").lower() != "identity":
        raise RefusedExchange(415, "the body must not be compressed")


async def read_body(receive: Receive, *, declared: str | None, limit: int, timeout: float) -> bytes:  # noqa: ASYNC109
    """The whole body, of at most `limit` bytes, within `timeout` seconds; `declared` is its stated length.

    Raises:
        RefusedExchange: it is larger, or slower.
        DisconnectedError: the caller went away.

    """
    too_large = RefusedExchange(413, f"the body is larger than {limit} bytes")
    if declared is not None and (not declared.isascii() or not declared.isdigit() or int(declared) > limit):
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(timeout):
            async for chunk in _chunks(receive):
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError as error:
        raise RefusedExchange(408, "the body took too long") from error
    return bytes(body)


async def write_answer(send: Send, answer: Answer) -> None:
    """Send `answer` whole."""
    await send(_head(answer))
    await send({"type": "http.response.body", "body": answer.body})


async def write_early_answer(send: Send, answer: Answer, receive: Receive, *, limit: int, timeout: float) -> None:  # noqa: ASYNC109
    """Send `answer` while the body is still on its way, which is thrown away for a while.

    Closing at once would reset the connection and could take the answer with it.
    """
    await send(_head(answer))
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    dropped = 0
    try:
        async with asyncio.timeout(timeout):
            async for chunk in _chunks(receive):
                dropped += len(chunk)
                if dropped > limit:
                    break
    except (TimeoutError, DisconnectedError):
        pass
    await send({"type": "http.response.body", "body": b""})


async def _chunks(receive: Receive) -> Any:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise DisconnectedError("the caller went away")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _head(answer: Answer) -> AsgiMessage:
    headers = [(b"content-type", answer.content_type), *answer.headers]
    if answer.status != 304:  # noqa: PLR2004 - no body, and no length of one
        headers.append((b"content-length", str(len(answer.body)).encode()))
    if not any(name == b"cache-control" for name, _ in answer.headers):
        headers.append((b"cache-control", b"no-store"))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}
