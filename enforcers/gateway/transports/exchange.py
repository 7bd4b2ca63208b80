"""One HTTP exchange over ASGI: a body no larger than allowed, work only while somebody waits, an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from typing import Any, Final, TypeAlias, TypeVar

from pdp.core.contract.errors import MessageError
from pdp.core.contract.reason_code import ReasonCode

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

Header: TypeAlias = tuple[bytes, bytes]

T = TypeVar("T")

BODY_TIMEOUT: Final = 30.0
"""Seconds within which a body must have arrived."""

_NO_CONTENT: Final = 204
_COMMON: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class DisconnectedError(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


async def read_body(receive: Receive, *, declared: str | None, max_bytes: int) -> bytes:
    """The body; `declared` is the `Content-Length`.

    Raises:
        MessageError: `message_too_large`, without reading on; `message_malformed` when it does not come in time.
        DisconnectedError: the client went away.

    """
    if declared is not None and declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise DisconnectedError
                body += event.get("body", b"")
                more = event.get("more_body", False)
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError as error:
        text = "the body does not arrive in time"
        raise MessageError(ReasonCode.MESSAGE_MALFORMED, text, caller_text=text) from error
    return bytes(body)


async def unless_gone(receive: Receive, *, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client goes away; the body must have been read.

    Raises:
        DisconnectedError: the client went away.

    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise DisconnectedError
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.wait({working, leaving})


async def respond(
    send: Send,
    *,
    status: int,
    body: bytes = b"",
    headers: Iterable[Header] = (),
    kind: bytes = b"application/json",
) -> None:
    """Send a whole response."""
    described = [(b"content-type", kind)] if body else []
    if status != _NO_CONTENT:
        described.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": [*described, *_COMMON, *headers]})
    await send({"type": "http.response.body", "body": body})


def _too_large(max_bytes: int) -> MessageError:
    text = f"the message is larger than {max_bytes} bytes"
    return MessageError(ReasonCode.MESSAGE_TOO_LARGE, text, caller_text=text)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
