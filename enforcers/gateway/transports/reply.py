"""The HTTP response that an answer becomes: its status, challenges, and who may read it."""

from collections.abc import Set as AbstractSet
from typing import Final

from enforcers.gateway.answer import CREDENTIAL_CODES, Answer
from enforcers.gateway.protocol import Era
from enforcers.gateway.transports.arrival import SESSION_HEADER, Arrival
from enforcers.gateway.transports.challenge import challenges
from enforcers.gateway.transports.credential import scheme_of
from enforcers.gateway.transports.cross_origin import shared_with
from enforcers.gateway.transports.exchange import Header, Send, respond
from enforcers.gateway.transports.protected_resource import ProtectedResource
from pdp.core.contract.message import ErrorAnswer, Notification, write
from pdp.core.contract.reason_code import ReasonCode

RETRY_SECONDS: Final = 5
"""After how long to ask again when an issuer did not answer."""

_STATUS: Final = {
    ReasonCode.MESSAGE_MALFORMED: 400,
    ReasonCode.SCOPE_MISSING: 403,
    ReasonCode.IDENTITY_UNMAPPED: 403,
    ReasonCode.ADDRESS_REFUSED: 403,
    ReasonCode.SESSION_MISMATCH: 404,
    ReasonCode.MESSAGE_TOO_LARGE: 413,
    ReasonCode.LIMIT_EXCEEDED: 429,
    ReasonCode.ISSUER_UNAVAILABLE: 503,
    **dict.fromkeys(CREDENTIAL_CODES, 401),
}
_OK: Final = 200
_ACCEPTED: Final = 202
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = 503


async def reply(
    send: Send, *, answer: Answer | None, arrival: Arrival, resource: ProtectedResource, origins: AbstractSet[str]
) -> None:
    """Send `answer` to what arrived; None is an accepted notification."""
    shared = shared_with(arrival.headers, origins=origins)
    if answer is None:
        await respond(send, status=_ACCEPTED, headers=shared)
        return
    headers = [*_of_denial(answer, arrival, resource), *shared]
    if arrival.opened is not None:
        headers.append((SESSION_HEADER.encode(), arrival.opened.encode()))
    if arrival.message is None:
        headers.append((b"connection", b"close"))  # the body may not have been read to its end
    status = arrival.status or _status(answer, arrival)
    await respond(send, status=status, body=write(answer.message), headers=headers)


def _of_denial(answer: Answer, arrival: Arrival, resource: ProtectedResource) -> list[Header]:
    wanted = challenges(answer, sent=scheme_of(arrival.headers), resource=resource)
    headers = [(b"www-authenticate", challenge.encode("ascii")) for challenge in wanted]
    if answer.nonce is not None:
        headers.append((b"dpop-nonce", answer.nonce.encode("ascii")))
    if answer.denied is ReasonCode.ISSUER_UNAVAILABLE:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    return headers


def _status(answer: Answer, arrival: Arrival) -> int:
    if answer.denied is None:
        return _OK
    if (
        answer.denied is ReasonCode.METHOD_UNKNOWN
        and arrival.era is Era.MODERN
        and isinstance(answer.message, ErrorAnswer)
    ):
        return _NOT_FOUND
    if answer.denied is ReasonCode.LOG_UNAVAILABLE and arrival.who is None and isinstance(answer.message, ErrorAnswer):
        return _UNAVAILABLE  # it would have been a refusal of who asks, which cannot be told without its record
    return _STATUS.get(answer.denied, _FORBIDDEN if isinstance(arrival.message, Notification) else _OK)
