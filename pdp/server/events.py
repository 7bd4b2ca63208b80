"""`GET /v1/events`: enforcers hear of another generation and of revocations as it happens."""

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import Refused
from pdp.core.contract.event import GenerationEvent, Heartbeat
from pdp.server.access import Caller
from pdp.server.bundle_facts import milliseconds
from pdp.server.catalogs import Catalogs
from pdp.server.event_stream import MEDIA_TYPE, Snapshot, known_by
from pdp.server.exchange import RefusedExchange, Request, has_body
from pdp.server.feed import Feed, FeedRules
from pdp.server.interior import Interior
from pdp.server.stream import StreamedAnswer


class Events:
    """Streams what is in force to whoever listens."""

    def __init__(self, interior: Interior, catalogs: Catalogs, *, rules: FeedRules, log: FilteringBoundLogger) -> None:
        self._bundles = interior.bundles
        self._held = interior.held
        self._catalogs = catalogs
        self.feed = Feed(self._look, rules=rules, log=log)
        self._bundles.subscribe(self.feed.news)
        self._held.subscribe(self.feed.news)

    async def listen(self, http: Request, caller: Caller) -> StreamedAnswer:  # noqa: ARG002 - one form for every path
        """All that is in force, then what becomes another; with `Last-Event-ID` only what is another since then.

        Raises:
            RefusedExchange: 400 for a request with a body, 503 where too many listen.

        """
        if has_body(http):
            raise RefusedExchange(400, "events are asked for without a body")
        return StreamedAnswer(self.feed.open(known_by(http.header(b"last-event-id"))), MEDIA_TYPE)

    def _look(self) -> tuple[Snapshot, Heartbeat]:
        """INVARIANT: ages first. What is confirmed later may be another state than the one that is told with them."""
        source, revocations = self._bundles.confirmed_ago(), self._held.confirmed_ago()
        trouble = self._bundles.standing.trouble
        snapshot = Snapshot(self._active(), self._held.sequence)
        return snapshot, Heartbeat(
            generation=snapshot.known.generation,
            revocations=snapshot.revocations,
            source_age_ms=milliseconds(source),
            revocations_age_ms=milliseconds(revocations),
            trouble=None if trouble is None else trouble.value,
        )

    def _active(self) -> GenerationEvent | None:
        try:
            return self._catalogs.active()
        except Refused:
            return None
