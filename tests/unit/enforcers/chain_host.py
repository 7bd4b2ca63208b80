"""A host for the chain: two tools, a caller, a clock that moves when told."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import structlog

from enforcers.account import ArgumentRecording
from enforcers.caller import Caller, Identified, Transport
from enforcers.catalog_view import CatalogView
from enforcers.chain import Chain
from enforcers.definitions import Definitions
from enforcers.offer import ErrorResult, Offer
from enforcers.principals import Principals
from enforcers.recorder import Recorder
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.definitions.definition import pin_of
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import TokenError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.message import Request
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.presented import Presented, bearer
from tests.record_schema import ValidatingDecisionPoint
from tests.shelf import Shelf

READ: dict[str, Any] = {
    "name": "read",
    "inputSchema": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "paths": {"type": "array", "items": {"type": "string"}}},
        "required": ["path"],
    },
}
LOGIN: dict[str, Any] = {
    "name": "login",
    "inputSchema": {"type": "object", "properties": {"user": {"type": "string"}, "password": {"type": "string"}}},
}
OFFERS = {
    "files__read": Offer("files", "read", READ, pin_of(READ)),
    "vault__login": Offer("vault", "login", LOGIN, pin_of(LOGIN)),
}


def tool(server: str, definition: dict[str, Any], **marks: Mark) -> Tool:
    return Tool(
        server=server,
        name=definition["name"],
        pin=pin_of(definition),
        input_schema=definition["inputSchema"],
        marks=marks,
    )


CATALOG = Catalog([tool("files", READ, path=Mark.PATH, paths=Mark.PATH), tool("vault", LOGIN, password=Mark.SECRET)])
CALLER = Caller(bearer("alice-token"), Transport.STREAMABLE_HTTP, client_ip="127.0.0.1")


class OneToken:
    """Knows the token `alice-token`."""

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        if presented != bearer("alice-token"):
            raise TokenError(ReasonCode.TOKEN_INVALID, "unknown token")
        return VerifiedClaims("corp", "https://idp", "alice", now + 60, {"groups": ["eng"], "scope": "a"})


@dataclass
class Upstream:
    """Answers every call; `answers` may hold a result or an error to raise."""

    answers: Any = field(default_factory=lambda: {"content": [{"type": "text", "text": "done"}]})
    calls: list[tuple[str, JsonObject]] = field(default_factory=list)

    async def forward(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        self.calls.append((offer.id, arguments))
        if isinstance(self.answers, BaseException):
            raise self.answers
        return self.answers if isinstance(self.answers, ErrorResult) else dict(self.answers)


class Host:
    """A chain and everything around it, to look at and to break."""

    def __init__(self) -> None:
        self.now = 1000.0
        count = itertools.count()
        self.clock = Clock(lambda: self.now, lambda: self.now, lambda n: next(count).to_bytes(n, "big"))
        self.point = ValidatingDecisionPoint(CATALOG)
        self.upstream = Upstream()
        self.offers: dict[str, Any] = dict(OFFERS)
        self.shelf = Shelf(self.offers)
        log = structlog.get_logger()
        self.catalog = CatalogView(self.point, max_age=10, steady=self.clock.steady, log=log)
        recorder = Recorder(self.point, writer="gateway", clock=self.clock, arguments=ArgumentRecording(bytes(32)))
        self.definitions = Definitions(self.shelf, catalog=self.catalog, recorder=recorder, log=log)
        self.chain = Chain(
            authenticator=OneToken(),
            principals=Principals(self.catalog),
            definitions=self.definitions,
            decisions=self.point,
            recorder=recorder,
            forwarder=self.upstream,
            clock=self.clock,
        )

    async def alice(self) -> Identified:
        who = await self.chain.identify(CALLER, message=None)
        assert isinstance(who, Identified)
        return who


def call(name: str = "files__read", /, **arguments: Any) -> Request:
    return Request(7, "tools/call", {"name": name, "arguments": arguments or {"path": "a/b"}})
