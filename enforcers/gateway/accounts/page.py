"""What these pages share: who may ask, a bounded body, an answer in JSON."""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
from structlog.typing import FilteringBoundLogger

from enforcers.gateway.header import Headers
from enforcers.gateway.transports.entrance import Entrance
from enforcers.gateway.transports.exchange import (
    DisconnectedError,
    Header,
    Receive,
    Scope,
    Send,
    read_body,
    respond,
)
from enforcers.gateway.transports.http_app import Page
from enforcers.gateway.transports.request_head import HeadError, check_head
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode

MAX_BODY_BYTES: Final = 32 * 1024

_STATUS: Final = {
    ReasonCode.ADDRESS_REFUSED: 403,
    ReasonCode.MESSAGE_TOO_LARGE: 413,
    ReasonCode.TOKEN_INVALID: 401,
    ReasonCode.LIMIT_EXCEEDED: 429,
    ReasonCode.ISSUER_UNAVAILABLE: 503,
    ReasonCode.INTERNAL_ERROR: 500,
}
_BAD_REQUEST: Final = 400
_NOT_ALLOWED: Final = 405


@dataclass(frozen=True, slots=True)
class Door:
    """Under which names the pages answer, to scripts of which origins, and to whom at all."""

    hosts: AbstractSet[str]
    origins: AbstractSet[str]
    entrance: Entrance


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that came in: its headers, the client's address, its body."""

    headers: Headers
    address: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What goes back; `body` is JSON, None where there is nothing to say."""

    status: int
    body: Any = None
    headers: tuple[Header, ...] = ()


Answering: TypeAlias = Callable[[Asking], Awaitable[PageAnswer]]


def posted(answer: Answering, *, door: Door, log: FilteringBoundLogger) -> Page:
    """A page to which a body is sent, and what `answer` makes of it; it never raises."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await respond(send, status=_NOT_ALLOWED, headers=[(b"allow", b"POST")])
            return
        try:
            found = await answer(await _asking(scope, receive, door))
        except DisconnectedError:
            return
        except Refused as refusal:
            log.info("page_refused", path=scope["path"], code=refusal.code, detail=refusal.detail)
            found = refused(refusal)
        except Exception as error:
            log.exception("page_failed", path=scope["path"])
            found = refused(Refused(ReasonCode.INTERNAL_ERROR, type(error).__name__))
        body = b"" if found.body is None else msgspec.json.encode(found.body)
        await respond(send, status=found.status, body=body, headers=found.headers)

    return page


def refused(refusal: Refused) -> PageAnswer:
    """The answer that says why not, in the words for callers."""
    status = refusal.status if isinstance(refusal, HeadError) else _STATUS.get(refusal.code, _BAD_REQUEST)
    text = "an internal error occurred" if refusal.code is ReasonCode.INTERNAL_ERROR else refusal.caller_text
    return PageAnswer(status, {"error": refusal.code.value, "message": text or CALLER_TEXT[refusal.code]})


async def _asking(scope: Scope, receive: Receive, door: Door) -> Asking:
    headers, client = Headers(scope["headers"]), scope.get("client")
    address = door.entrance.address(headers, peer=client[0] if client else None)
    door.entrance.admit(address)
    check_head(headers, hosts=door.hosts, origins=door.origins)
    declared = next(iter(headers.all("content-length")), None)
    return Asking(headers, str(address), await read_body(receive, declared=declared, max_bytes=MAX_BODY_BYTES))
