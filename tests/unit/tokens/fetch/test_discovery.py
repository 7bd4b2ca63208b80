import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from pdp.tokens.fetch.discovery import MAX_METADATA_BYTES, Discovery, metadata_urls
from pdp.tokens.fetch.fetcher import Fetcher
from pdp.tokens.fetch.unavailable import UnavailableError
from tests.unit.tokens.fetch.serving import JSON, Answering, fixed, serving
from tests.unit.tokens.minting import NOW, Events

MAX_AGE = 600.0
OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
MISSING = fixed(b"", status="404 Not Found")


class Site:
    """Answers by path; `issuer` is formatted into documents."""

    def __init__(self, pages: Mapping[str, dict[str, Any] | bytes | Answering], *, path: str = "") -> None:
        self.pages = dict(pages)
        self._path = path

    def issuer(self, port: int) -> str:
        return f"http://127.0.0.1:{port}{self._path}"

    async def answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        page = self.pages.get(head.split(" ")[1], MISSING)
        issuer = self.issuer(writer.get_extra_info("sockname")[1])
        if isinstance(page, dict):
            page = json.dumps(page).replace("ISSUER", issuer).encode()
        await (fixed(page) if isinstance(page, bytes) else page)(head, writer)


def discovery(issuer: str, *, timeout: float = 20, events: Events | None = None) -> Discovery:
    log = (Events() if events is None else events).log()
    return Discovery(issuer, fetcher=Fetcher(), timeout=timeout, max_age=MAX_AGE, log=log)


async def failure(site: Site, *, within: float = 20) -> str:
    async with serving(site.answer) as (port, _):
        with pytest.raises(UnavailableError) as caught:
            await discovery(site.issuer(port), timeout=within).endpoint("jwks_uri", now=NOW)
    return str(caught.value)


GOOD = {"issuer": "ISSUER", "jwks_uri": "ISSUER/jwks", "introspection_endpoint": "ISSUER/introspect"}


@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        ("https://a.example.com", [f"https://a.example.com{OAUTH}", f"https://a.example.com{OPENID}"]),
        ("https://a.example.com/", [f"https://a.example.com{OAUTH}", f"https://a.example.com{OPENID}"]),
        (
            "https://a.example.com:8443/realms/one",
            [
                f"https://a.example.com:8443{OAUTH}/realms/one",
                f"https://a.example.com:8443{OPENID}/realms/one",
                f"https://a.example.com:8443/realms/one{OPENID}",
            ],
        ),
        (
            "https://a.example.com/one/",
            [
                f"https://a.example.com{OAUTH}/one",
                f"https://a.example.com{OPENID}/one",
                f"https://a.example.com/one{OPENID}",
            ],
        ),
    ],
)
def test_metadata_lies_where_mcp_clients_look(issuer: str, urls: list[str]) -> None:
    assert list(metadata_urls(issuer)) == urls


@pytest.mark.parametrize(
    "issuer",
    [
        "https://a.example.com?x=y",
        "https://a.example.com/#f",
        "https://a.example.com?",
        "https://a.example.com#",
        "http://a.example.com",
        "corp",
        "urn:corp",
        "https://u:p@a.example.com",
    ],
)
def test_what_cannot_be_an_issuers_url_is_refused(issuer: str) -> None:
    with pytest.raises(UnavailableError):
        metadata_urls(issuer)


@pytest.mark.parametrize(
    ("path", "place"),
    [("", OAUTH), ("", OPENID), ("/one", f"{OAUTH}/one"), ("/one", f"{OPENID}/one"), ("/one", f"/one{OPENID}")],
)
async def test_each_place_is_found(path: str, place: str) -> None:
    site = Site({place: GOOD}, path=path)
    async with serving(site.answer) as (port, _):
        found = discovery(site.issuer(port))
        assert str((await found.endpoint("jwks_uri", now=NOW)).url) == f"{site.issuer(port)}/jwks"
        assert str((await found.endpoint("introspection_endpoint", now=NOW)).url) == f"{site.issuer(port)}/introspect"


@pytest.mark.parametrize(
    "first",
    [
        b"<html>",
        b"[]",
        b"{",
        GOOD | {"issuer": "ISSUER/"},
        GOOD | {"issuer": "https://evil.example.com"},
        fixed(b"", status="302 Found", headers="location: https://sso.example.com/login\r\n"),
        fixed(b"{}", headers="content-type: text/html\r\n"),
        fixed(b"", status="500 Oops"),
    ],
)
async def test_a_place_with_something_else_does_not_hide_the_next(first: Any) -> None:
    site = Site({OAUTH: first, OPENID: GOOD})
    async with serving(site.answer) as (port, _):
        assert (await discovery(site.issuer(port)).endpoint("jwks_uri", now=NOW)).url.path == "/jwks"


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("ISSUER/", "another issuer"),
        ("https://honest.example.com", "another issuer"),
        ("HTTP://127.0.0.1", "another issuer"),
        (["ISSUER"], "another issuer"),
        (None, "another issuer"),
    ],
)
async def test_metadata_of_another_issuer_is_not_used(issuer: Any, expected: str) -> None:
    assert expected in await failure(Site({OAUTH: GOOD | {"issuer": issuer}}))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b'{"issuer":"a","issuer":"b"}', "not exact JSON"),
        (b"{" * 5000, "not exact JSON"),
        (b" " * (MAX_METADATA_BYTES + 1), "more than"),
        (fixed(b"", status="503 Busy"), "status 503"),
        ({"issuer": "ISSUER"}, "has no `jwks_uri`"),
        (GOOD | {"jwks_uri": 7}, "has no `jwks_uri`"),
        (GOOD | {"jwks_uri": "http://keys.example.com/"}, "must be https"),
        (GOOD | {"jwks_uri": "file:///etc/passwd"}, "cannot be read"),
        (GOOD | {"jwks_uri": "https://u:p@keys.example.com/"}, "credentials"),
    ],
)
async def test_metadata_that_cannot_be_used_is_unavailable(page: Any, expected: str) -> None:
    assert expected in await failure(Site({OAUTH: page}))


async def test_a_search_is_bounded_as_a_whole() -> None:
    async def drip(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{JSON}\r\n".encode())
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    assert "took longer than 0.3 s" in await failure(Site({OAUTH: drip, OPENID: GOOD}), within=0.3)


async def test_metadata_is_kept_while_it_is_young_and_used_on_when_the_issuer_is_gone() -> None:
    site, events = Site({OPENID: GOOD}), Events()
    async with serving(site.answer) as (port, requests):
        found = discovery(site.issuer(port), events=events)
        for second in range(5):
            await found.endpoint("jwks_uri", now=NOW + second)
        assert len(requests) == 2
    assert (await found.endpoint("jwks_uri", now=NOW + MAX_AGE)).url.path == "/jwks"
    assert len(events.named("issuer_metadata_unavailable")) == 1


async def test_metadata_that_changes_to_another_issuers_does_not_replace_the_old() -> None:
    site = Site({OAUTH: GOOD})
    async with serving(site.answer) as (port, _):
        found = discovery(site.issuer(port))
        await found.endpoint("jwks_uri", now=NOW)
        site.pages[OAUTH] = {"issuer": "https://evil.example.com", "jwks_uri": "ISSUER/evil"}
        assert (await found.endpoint("jwks_uri", now=NOW + MAX_AGE)).url.path == "/jwks"
