"""The application: paths, who may ask them, and the steps every exchange goes through."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.authzen import (
    BUNDLE_PATH,
    CATALOG_PATH,
    EVALUATION_PATH,
    EVENTS_PATH,
    MAPPING_PATH,
    RECORDS_PATH,
    RESOURCE_SEARCH_PATH,
    REVOCATIONS_PATH,
)
from pdp.core.contract.clock import Clock
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.hosting.address import ListenAddress
from pdp.hosting.event_log import frames
from pdp.server.access import Access, Caller, Door
from pdp.server.archived import ArchivedBundles
from pdp.server.catalogs import Catalogs
from pdp.server.decide import Decisions
from pdp.server.enforcers import Enforcers
from pdp.server.events import Events
from pdp.server.exchange import (
    CLOSE,
    Answer,
    DisconnectedError,
    Headers,
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
from pdp.server.feed import FeedRules
from pdp.server.fence import Fence
from pdp.server.health import Health
from pdp.server.interior import Interior
from pdp.server.journal import Journal
from pdp.server.metrics import Metrics
from pdp.server.records import Records
from pdp.server.revocations import Revocations
from pdp.server.revoking import RevokingDecider
from pdp.server.stream import StreamedAnswer, write_stream
from pdp.server.webhooks import WEBHOOK_PATH, Webhook

HEALTH_PATH: Final = "/healthz"
READY_PATH: Final = "/readyz"
METRICS_PATH: Final = "/metrics"

Handler: TypeAlias = Callable[[Request, Caller], Awaitable[Answer | StreamedAnswer]]

_MAX_REQUEST_ID: Final = 1024


@dataclass(frozen=True, slots=True)
class ServerBounds:
    """Bounds of one exchange, and of the feed; a body nests deeper than the message in it, times are seconds."""

    max_body_bytes: int = 4 * 1024 * 1024
    max_depth: int = 256
    body_timeout: float = 10.0
    feed: FeedRules = field(default_factory=FeedRules)


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a path, or with a path that ends in a slash all below it, to whom, and with which method."""

    method: str
    access: Access
    handler: Handler


def build_app(
    interior: Interior,
    *,
    enforcers: Enforcers,
    listen: ListenAddress,
    clock: Clock,
    log: FilteringBoundLogger,
    bounds: ServerBounds | None = None,
    webhook: Webhook | None = None,
) -> "PdpApp":
    """The ASGI application of a decision point; its log is started and closed by whoever runs it."""
    bounds, writer = bounds or ServerBounds(), interior.writer
    decider = RevokingDecider(interior.decider, interior.held, clock=clock)
    limits = JsonLimits(max_bytes=bounds.max_body_bytes, max_depth=bounds.max_depth)
    catalogs = Catalogs(decider, interior.confirmations, interior.announcements)
    events = Events(interior, catalogs, rules=bounds.feed, log=log)
    metrics = Metrics(interior, listeners=events.feed)
    journal = Journal(interior.own, clock=clock)
    fence = Fence(metrics=metrics, log=log)
    decisions = Decisions(decider, journal, fence=fence, metrics=metrics, limits=limits, clock=clock, log=log)
    records = Records(writer, interior.announcements, fence=fence, metrics=metrics, limits=limits)
    bundles = ArchivedBundles(interior.bundles)
    health = Health(interior, metrics=metrics, clock=clock)
    routes = {
        EVALUATION_PATH: Route("POST", Access.LOCAL, decisions.evaluate),
        RESOURCE_SEARCH_PATH: Route("POST", Access.LOCAL, decisions.search),
        RECORDS_PATH: Route("POST", Access.ENFORCER, records.take),
        CATALOG_PATH: Route("GET", Access.ENFORCER, catalogs.head),
        f"{CATALOG_PATH}/": Route("GET", Access.ENFORCER, catalogs.content),
        f"{MAPPING_PATH}/": Route("GET", Access.ENFORCER, catalogs.mapping),
        REVOCATIONS_PATH: Route("GET", Access.ENFORCER, Revocations(interior.held).whole),
        EVENTS_PATH: Route("GET", Access.ENFORCER, events.listen),
        BUNDLE_PATH: Route("GET", Access.ENFORCER, bundles.head),
        f"{BUNDLE_PATH}/": Route("GET", Access.ENFORCER, bundles.content),
        HEALTH_PATH: Route("GET", Access.OPEN, health.alive),
        READY_PATH: Route("GET", Access.LOCAL, health.ready),
        METRICS_PATH: Route("GET", Access.LOCAL, health.metrics),
    }
    if webhook is not None:
        routes[WEBHOOK_PATH] = Route("POST", Access.OPEN, webhook.take)
    door = Door(enforcers, listen=listen)
    return PdpApp(routes, door, metrics=metrics, clock=clock, log=log, bounds=bounds, on_stop=events.feed.close)


class PdpApp:
    """Raw ASGI: takes every exchange through its steps and answers whatever happens; `on_stop` ends what streams."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        door: Door,
        *,
        metrics: Metrics,
        clock: Clock,
        log: FilteringBoundLogger,
        bounds: ServerBounds,
        on_stop: Callable[[], None],
    ) -> None:
        self.stop = on_stop
        self._routes = routes
        self._door = door
        self._metrics = metrics
        self._clock = clock
        self._log = log
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one exchange; anything but HTTP is left alone."""
        if scope["type"] != "http":
            return
        request = request_of(scope, started=self._clock.steady())
        try:
            answer = await self._answer(request, receive)
        except DisconnectedError:
            return
        self._metrics.answered(answer.status)
        if isinstance(answer, StreamedAnswer):
            await write_stream(send, answer, receive)
        elif CLOSE[0] in answer.headers:
            limit, timeout = 4 * self._bounds.max_body_bytes, self._bounds.body_timeout
            await write_early_answer(send, answer, receive, limit=limit, timeout=timeout)
        else:
            await write_answer(send, answer)

    async def _answer(self, request: Request, receive: Receive) -> Answer | StreamedAnswer:
        answer: Answer | StreamedAnswer
        echo: Headers = ()
        unread = has_body(request)
        try:
            # (1) the request's own name, which every answer carries
            echo = _request_id(request)
            # (2) the path, and who may ask it
            route = self._routes.get(request.path) or self._routes.get(request.path.rpartition("/")[0] + "/")
            caller = await self._door.admit(request, Access.ENFORCER if route is None else route.access)
            # (3) the method
            route = _checked(route, request)
            # (4) the body
            if route.method == "POST":
                request, unread = replace(request, body=await self._body(request, receive)), False
            # (5) the answer
            answer = await route.handler(request, caller)
        except RefusedExchange as refusal:
            answer = refusal.answer()
        except DisconnectedError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed, nobody is let through
            self._log.error("request_failed", path=request.path, error=type(error).__name__, at=frames(error))
            answer = RefusedExchange(500, CALLER_TEXT[ReasonCode.INTERNAL_ERROR]).answer()
        return replace(answer, headers=answer.headers + echo + (CLOSE if unread else ()))

    async def _body(self, request: Request, receive: Receive) -> bytes:
        check_json(request)
        declared = request.header(b"content-length")
        limit, timeout = self._bounds.max_body_bytes, self._bounds.body_timeout
        return await read_body(receive, declared=declared, limit=limit, timeout=timeout)


def _checked(route: Route | None, request: Request) -> Route:
    if route is None:
        raise RefusedExchange(404, "no such path")
    if request.method != route.method:
        raise RefusedExchange(405, "no such method here", headers=((b"allow", route.method.encode()),))
    return route


def _request_id(request: Request) -> Headers:
    """`X-Request-ID` as it came (AuthZEN, section "Request Identification")."""
    identifier = request.header(b"x-request-id")
    if identifier is None:
        return ()
    if len(identifier) > _MAX_REQUEST_ID or not identifier.isascii() or not identifier.isprintable():
        raise RefusedExchange(400, "the header `x-request-id` is too long or not printable")
    return ((b"x-request-id", identifier.encode("ascii")),)
