"""What every exchange with an administrator goes through, before and after the path it is for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import MessageError, Refused, TokenError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.core.identity.principal import Principal
from pdp.hosting.address import Exposure, ListenAddress, UnixAddress, host_exposure
from pdp.hosting.event_log import frames
from pdp.server.access import host_name
from pdp.server.admin.authority import Authority, Person
from pdp.server.admin.problem import problem
from pdp.server.enforcers import Authenticator
from pdp.server.exchange import (
    CLOSE,
    Answer,
    AsgiApp,
    AsgiMessage,
    DisconnectedError,
    Receive,
    RefusedExchange,
    Request,
    Scope,
    Send,
    check_json,
    has_body,
    read_body,
    request_of,
    write_answer,
    write_early_answer,
)
from pdp.tokens.presented import bearer

ACCESS: Final = "toolgate.access"
"""The key of the ASGI scope under which the exchange's `AdminAccess` is."""
MAX_BODY: Final = 64 * 1024
BODY_SECONDS: Final = 10.0

_LIMITS: Final = JsonLimits(max_bytes=MAX_BODY, max_depth=16)
_SCHEME: Final = "bearer "
_CHALLENGE: Final = ((b"www-authenticate", b'Bearer realm="toolgate-admin"'),)
_KINDS: Final = frozenset({CredentialKind.SIGNED, CredentialKind.INTROSPECTED})
_MAX_SHOWN: Final = 200
_NO_STORE: Final = (b"cache-control", b"no-store")

Identify: TypeAlias = Callable[[VerifiedClaims], Principal]


@dataclass(slots=True)
class AdminAccess:
    """One exchange, as the log tells it: who did what, and what came of it."""

    method: str
    path: str
    client: str | None
    person: Person | None = None
    action: str | None = None
    status: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where administrators come in: the listener, the URL that their tokens name, pages that may ask."""

    listen: ListenAddress
    resource: str
    allowed_origins: frozenset[str] = frozenset()


class Guard:
    """Lets people to `app`, each exchange told by the event `admin_access`; `identify` maps claims to a principal."""

    def __init__(
        self,
        app: AsgiApp,
        entrance: Entrance,
        *,
        authority: Authority,
        authenticator: Authenticator,
        identify: Identify,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._app = app
        self._entrance = entrance
        self._authority = authority
        self._authenticator = authenticator
        self._identify = identify
        self._clock = clock
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one exchange; anything but HTTP is left alone."""
        if scope["type"] != "http":
            return
        request = request_of(scope, started=self._clock.steady())
        access = AdminAccess(request.method[:_MAX_SHOWN], request.path[:_MAX_SHOWN], request.client_ip)
        try:
            await self._exchange(request, access, scope, receive, send)
        except DisconnectedError:
            return
        finally:
            self._tell(access)

    async def _exchange(
        self, request: Request, access: AdminAccess, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def watched(message: AsgiMessage) -> None:
            if message["type"] == "http.response.start":
                access.status = message["status"]
                if not any(name == b"cache-control" for name, _ in message["headers"]):
                    message = {**message, "headers": [*message["headers"], _NO_STORE]}
            await send(message)

        unread = has_body(request)
        try:
            # (1) no page of somebody else's, no name that was made to point here
            self._check_place(request)
            # (2) who it is
            access.person = await self._person(request)
            # (3) the body, whole and exact
            body = await _body(request, receive) if unread else b""
            unread = False
            _check_exact(body)
        except RefusedExchange as refusal:
            headers = refusal.headers + (CLOSE if unread else ())
            answer = problem(refusal.status, refusal.text, code=_code(refusal), headers=headers)
            if unread:
                await write_early_answer(watched, answer, receive, limit=4 * MAX_BODY, timeout=BODY_SECONDS)
            else:
                await write_answer(watched, answer)
            return
        # (4) the path, which asks for the permission it needs
        scope[ACCESS] = access
        try:
            await self._app(scope, _given(body, receive), watched)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed, nothing more is told
            self._log.error("admin_failed", error=type(error).__name__, at=frames(error))
            if not access.status:
                await write_answer(watched, _failure())

    def _check_place(self, request: Request) -> None:
        origin = request.header(b"origin")
        if origin is not None and origin not in self._entrance.allowed_origins:
            raise RefusedExchange(403, "requests of this page are refused")
        listen = self._entrance.listen
        if isinstance(listen, UnixAddress):
            return
        host = host_name(request.header(b"host") or "")
        is_near = listen.exposure is Exposure.LOOPBACK and host_exposure(host) is Exposure.LOOPBACK
        if not is_near and host not in {listen.host.lower(), urlsplit(self._entrance.resource).hostname}:
            raise RefusedExchange(403, "the header `host` does not name this listener")

    async def _person(self, request: Request) -> Person:
        credential = request.header(b"authorization")
        if credential is None:
            raise RefusedExchange(401, CALLER_TEXT[ReasonCode.TOKEN_MISSING], headers=_CHALLENGE)
        if credential[: len(_SCHEME)].lower() != _SCHEME:
            raise RefusedExchange(401, CALLER_TEXT[ReasonCode.TOKEN_INVALID], headers=_CHALLENGE)
        presented = bearer(credential[len(_SCHEME) :])
        try:
            claims = await self._authenticator.authenticate(presented, now=self._clock.wall())
            if claims.kind not in _KINDS:
                raise TokenError(ReasonCode.TOKEN_INVALID, "no token of an issuer")
            return self._authority.person(self._identify(claims))
        except Refused as refusal:
            self._log.info("admin_refused", code=refusal.code, detail=refusal.detail)
            if refusal.code is ReasonCode.ISSUER_UNAVAILABLE:
                raise RefusedExchange(503, refusal.caller_text) from refusal
            if refusal.code is ReasonCode.IDENTITY_UNMAPPED:
                raise RefusedExchange(403, refusal.caller_text) from refusal
            raise RefusedExchange(401, refusal.caller_text, headers=_CHALLENGE) from refusal

    def _tell(self, access: AdminAccess) -> None:
        principal = None if access.person is None else access.person.principal
        self._log.info(
            "admin_access",
            principal=None if principal is None else principal.id,
            actor=None if principal is None else principal.actor,
            action=access.action,
            method=access.method,
            path=access.path,
            status=access.status,
            client=access.client,
            **access.facts,
        )


async def _body(request: Request, receive: Receive) -> bytes:
    """The whole body.

    Raises:
        RefusedExchange: it is too large, too slow, compressed, or no JSON by its own account.

    """
    check_json(request)
    declared = request.header(b"content-length")
    return await read_body(receive, declared=declared, limit=MAX_BODY, timeout=BODY_SECONDS)


def _check_exact(body: bytes) -> None:
    """Pass no body, or one that every reader reads alike.

    Raises:
        RefusedExchange: it is no exact JSON.

    """
    try:
        if body:
            parse(body, limits=_LIMITS)
    except MessageError as error:
        raise RefusedExchange(400, error.caller_text) from error


def _given(body: bytes, receive: Receive) -> Callable[[], Awaitable[AsgiMessage]]:
    """A `receive` that gives `body` once, then waits for the caller to go away."""
    messages: list[AsgiMessage] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> AsgiMessage:
        return messages.pop() if messages else await receive()

    return give


def _code(refusal: RefusedExchange) -> str:
    match refusal.status:
        case 401:
            return "not_authenticated"
        case 403:
            return "refused"
        case 503:
            return "unavailable"
        case _:
            return "request_invalid"


def _failure() -> Answer:
    return problem(500, CALLER_TEXT[ReasonCode.INTERNAL_ERROR], code=ReasonCode.INTERNAL_ERROR)
