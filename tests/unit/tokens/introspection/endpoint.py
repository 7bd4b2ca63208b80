"""An introspection endpoint of RFC 7662 on this machine that answers as told."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from pdp.core.settings.introspection import WithoutAudience, WithoutSubject
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher
from pdp.tokens.introspection.answer import IntrospectedIssuer
from pdp.tokens.introspection.client import ClientAuthentication, SecretBasic
from pdp.tokens.introspection.introspector import Introspector
from pdp.tokens.introspection.question import HttpQuestions
from tests.unit.tokens.fetch.serving import Answering, fixed, serving
from tests.unit.tokens.minting import AUDIENCE, ISSUER, NOW, Events

CLIENT = "gateway"
SECRET = "p:a+s/s w%rd"
LEEWAY = 5
MAX_AGE = 30


def active(**changes: Any) -> dict[str, Any]:
    """The answer about a good token; a change to None takes the member out."""
    good = {
        "active": True,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "client_id": "agent",
        "scope": "read write",
        "token_type": "Bearer",
        "iat": int(NOW),
        "exp": int(NOW) + 300,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


class IssuerEndpoint:
    """Knows tokens by their text and answers about them, to `CLIENT` alone."""

    def __init__(self, tokens: dict[str, dict[str, Any]] | None = None) -> None:
        self.tokens = {"good": active()} if tokens is None else tokens
        self.asked: list[str] = []
        self.open = 0
        self.most_open = 0
        self.before: Callable[[], Any] | None = None
        self.instead: Answering | None = None
        self.requests: list[str] = []

    async def answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        form = parse_qs(self.requests[-1].partition("\r\n\r\n")[2], strict_parsing=True)
        self.asked.append(form["token"][0])
        token = form["token"][0]
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if self.before is not None:
                await self.before()
            await (self.instead or self._about(token, head))(head, writer)
        finally:
            self.open -= 1

    def _about(self, token: str, head: str) -> Answering:
        if not head.startswith("POST /introspect HTTP/1.1\r\n") or credentials(head) != (CLIENT, SECRET):
            return fixed(b'{"error":"invalid_client"}', status="401 Unauthorized")
        return fixed(json.dumps(self.tokens.get(token, {"active": False})).encode())


def credentials(head: str) -> tuple[str, str]:
    lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    basic = base64.b64decode(lines["authorization"].removeprefix("Basic ")).decode()
    name, _, secret = basic.partition(":")
    return unquote_plus(name), unquote_plus(secret)


def expected(**changes: Any) -> IntrospectedIssuer:
    usual: dict[str, Any] = {"alias": "corp", "issuer": ISSUER, "audience": AUDIENCE}
    return IntrospectedIssuer(**{**usual, "leeway": LEEWAY, "max_age": MAX_AGE, **changes})


BELIEVED = {"without_audience": WithoutAudience.BELIEVED}
CLIENTS_OWN = {"without_subject": WithoutSubject.CLIENT}


@asynccontextmanager
async def asking(endpoint: IssuerEndpoint, **named: Any) -> AsyncIterator[Introspector]:
    """An introspector that asks `endpoint` over HTTP; `named` as for `introspector`."""
    async with serving(endpoint.answer) as (port, requests):
        endpoint.requests = requests
        yield introspector(port, **named)


def introspector(
    port: int,
    *,
    events: Events | None = None,
    client: ClientAuthentication | None = None,
    within: float = 20,
    max_concurrent: int = 16,
    entries: int = 4096,
    waiting: int = 1024,
    **changes: Any,
) -> Introspector:
    place = read_endpoint(f"http://127.0.0.1:{port}/introspect")
    shown = SecretBasic(CLIENT, SECRET) if client is None else client
    return Introspector(
        expected(**changes),
        HttpQuestions(place, client=shown, fetcher=Fetcher(), timeout=within),
        timeout=within,
        max_concurrent=max_concurrent,
        log=(Events() if events is None else events).log(),
        entries=entries,
        waiting=waiting,
    )
