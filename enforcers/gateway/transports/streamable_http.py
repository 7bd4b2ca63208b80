"""The MCP endpoint over streamable HTTP, for both eras at once.

A modern request stands alone; a legacy one belongs to a session, which is bound to its principal. Every
refusal is recorded through the service and answered with the HTTP status that MCP or RFC 6750 wants.
"""

import secrets
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from enforcers.caller import Caller, Identified, Transport
from enforcers.gateway.answer import Answer, WireError, unreadable
from enforcers.gateway.header import Headers
from enforcers.gateway.parameter_header import KnownParameterHeaders
from enforcers.gateway.protocol import INITIALIZE, Era, RevisionError
from enforcers.gateway.service import Service
from enforcers.gateway.sessions import Sessions, owner_of
from enforcers.gateway.transports.arrival import Arrival, check_modern_arrival, session_of
from enforcers.gateway.transports.credential import credential, refuse_query_token
from enforcers.gateway.transports.cross_origin import preflight, shared_with
from enforcers.gateway.transports.entrance import Entrance
from enforcers.gateway.transports.exchange import (
    DisconnectedError,
    Receive,
    Scope,
    Send,
    read_body,
    respond,
    unless_gone,
)
from enforcers.gateway.transports.protected_resource import ProtectedResource
from enforcers.gateway.transports.reply import reply
from enforcers.gateway.transports.request_head import HeadError, check_content, check_head
from enforcers.offer import Found
from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.contract.message import INVALID_REQUEST, Request, Result, read

_METHODS: Final = b"POST, DELETE"
_NO_CONTENT: Final = 204
_NOT_ALLOWED: Final = 405


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the endpoint is told: its names and neighbours, what it is, its bounds, a clock in seconds."""

    hosts: AbstractSet[str]
    origins: AbstractSet[str]
    entrance: Entrance
    resource: ProtectedResource
    limits: JsonLimits
    steady: Callable[[], float]


class StreamableHttp:
    """One ASGI endpoint."""

    def __init__(self, service: Service, *, offers: Found, sessions: Sessions, surroundings: Surroundings) -> None:
        self._service = service
        self._offers = offers
        self._parameters = KnownParameterHeaders()
        self._sessions = sessions
        self._around = surroundings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        peer = scope["client"][0] if scope.get("client") else None
        caller = Caller(None, Transport.STREAMABLE_HTTP)
        arrival = Arrival(Headers(scope["headers"]), caller, scope["method"], scope["query_string"], peer)
        match arrival.method:
            case "POST":
                await self._post(arrival, receive, send)
            case "DELETE":
                await self._delete(arrival, send)
            case _:
                await self._other(arrival, send)

    async def _post(self, arrival: Arrival, receive: Receive, send: Send) -> None:
        try:
            await self._take(arrival, receive)
            answer = await unless_gone(receive, work=self._answer(arrival))
        except DisconnectedError:
            return
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            answer = await self._refuse(error, arrival)
        await self._send(answer, arrival, send)

    async def _delete(self, arrival: Arrival, send: Send) -> None:
        """End a session (MCP 2025-11-25, "Session Management", 5)."""
        answer: Answer | None = None
        try:
            self._enter(arrival)
            self._present(arrival)
            arrival.caller = replace(arrival.caller, session=session_of(arrival.headers))
            outcome = await self._service.identify(arrival.caller, message=None, era=arrival.era)
            if isinstance(outcome, Identified):
                arrival.who = outcome
                owner = owner_of(outcome.principal)
                self._sessions.end(arrival.caller.session or "", owner=owner, now=self._around.steady())
            else:
                answer = outcome
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            answer = await self._refuse(error, arrival)
        if answer is None:
            shared = shared_with(arrival.headers, origins=self._around.origins)
            await respond(send, status=_NO_CONTENT, headers=shared)
        else:
            await self._send(answer, arrival, send)

    async def _other(self, arrival: Arrival, send: Send) -> None:
        """Say which methods there are, to scripts of allowed origins in the way that browsers ask for it."""
        try:
            self._enter(arrival)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            await self._send(await self._refuse(error, arrival), arrival, send)
            return
        headers = preflight(arrival.headers, origins=self._around.origins, methods=_METHODS)
        await respond(send, status=_NO_CONTENT if arrival.method == "OPTIONS" else _NOT_ALLOWED, headers=headers)

    async def _take(self, arrival: Arrival, receive: Receive) -> None:
        """(1) From where and for whom, (2) the rest of the head, (3) the body, (4) the message."""
        self._enter(arrival)
        self._present(arrival)
        check_content(arrival.headers)
        arrival.wire = WireError(INVALID_REQUEST)
        declared = next(iter(arrival.headers.all("content-length")), None)
        raw = await read_body(receive, declared=declared, max_bytes=self._around.limits.max_bytes)
        try:
            message = read(raw, limits=self._around.limits)
        except MessageError as error:
            arrival.wire = unreadable(error, raw=raw, limits=self._around.limits)
            raise
        arrival.wire = None
        arrival.take(message)

    def _enter(self, arrival: Arrival) -> None:
        """Where the request comes from, whether that is accepted, and whether it is meant for us."""
        address = self._around.entrance.address(arrival.headers, peer=arrival.peer)
        arrival.caller = replace(arrival.caller, client_ip=str(address))
        self._around.entrance.admit(address)
        refuse_query_token(arrival.query)
        check_head(arrival.headers, hosts=self._around.hosts, origins=self._around.origins)

    def _present(self, arrival: Arrival) -> None:
        certificate = self._around.entrance.certificate(arrival.headers, peer=arrival.peer or "")
        url = self._around.resource.resource
        presented = credential(arrival.headers, method=arrival.method, url=url, certificate=certificate)
        arrival.caller = replace(arrival.caller, credential=presented)

    async def _answer(self, arrival: Arrival) -> Answer | None:
        """(5) Who calls, (6) the rules of the era, (7) the service; None for an accepted notification."""
        outcome = await self._service.identify(arrival.caller, message=arrival.message, era=arrival.era)
        if isinstance(outcome, Answer):
            return outcome
        arrival.who = outcome
        self._admit(arrival, outcome)
        if not isinstance(arrival.message, Request):
            return None
        answer = await self._service.answer(arrival.message, era=arrival.era, caller=arrival.caller, who=outcome)
        if arrival.era is Era.LEGACY and arrival.message.method == INITIALIZE and isinstance(answer.message, Result):
            arrival.opened = secrets.token_urlsafe(32)
            self._sessions.open(arrival.opened, owner=owner_of(outcome.principal), now=self._around.steady())
        return answer

    def _admit(self, arrival: Arrival, who: Identified) -> None:
        message = arrival.message
        if message is None or (arrival.era is Era.LEGACY and message.method == INITIALIZE):
            return
        if arrival.era is Era.MODERN:
            check_modern_arrival(message, headers=arrival.headers, offers=self._offers, parameters=self._parameters)
            return
        session = arrival.caller.session
        if session is None:
            text = "a request needs `_meta` with its protocol version, or a session from `initialize`"
            raise RevisionError(text, rpc_code=INVALID_REQUEST)
        self._sessions.use(session, owner=owner_of(who.principal), now=self._around.steady())

    async def _refuse(self, error: Exception, arrival: Arrival) -> Answer:
        if isinstance(error, HeadError):
            arrival.status = error.status
        return await self._service.refuse(
            error,
            caller=arrival.caller,
            era=arrival.era,
            who=arrival.who,
            message=arrival.message,
            wire=arrival.wire,
        )

    async def _send(self, answer: Answer | None, arrival: Arrival, send: Send) -> None:
        around = self._around
        await reply(send, answer=answer, arrival=arrival, resource=around.resource, origins=around.origins)
