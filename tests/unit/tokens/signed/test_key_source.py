import asyncio
import json
from pathlib import Path

import pytest

from pdp.tokens.fetch.discovery import Discovery
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher
from pdp.tokens.fetch.unavailable import StatusError, UnavailableError
from pdp.tokens.signed.jwks import MAX_KEY_SET_BYTES, KeysUnavailableError
from pdp.tokens.signed.key_source import DiscoveredKeys, FileKeys, UrlKeys
from tests.unit.tokens.fetch.serving import fixed, serving
from tests.unit.tokens.minting import NOW, Events


async def test_a_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(b"one")
    assert await FileKeys(path).fetch(now=NOW) == b"one"
    path.write_bytes(b"two")
    assert await FileKeys(path).fetch(now=NOW) == b"two"


async def test_files_that_cannot_be_read_or_are_too_large_are_unavailable(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b" " * (MAX_KEY_SET_BYTES + 1))
    for name in ("missing", "large", "."):
        with pytest.raises(KeysUnavailableError):
            await FileKeys(tmp_path / name).fetch(now=NOW)


async def test_keys_at_a_url_are_those_of_now() -> None:
    async with serving(fixed(b'{"keys":[]}')) as (port, _):
        keys = UrlKeys(read_endpoint(f"http://127.0.0.1:{port}/jwks"), fetcher=Fetcher(), timeout=20)
        assert await keys.fetch(now=NOW) == b'{"keys":[]}'


async def test_a_key_set_over_its_bound_is_unavailable() -> None:
    async with serving(fixed(b" " * (MAX_KEY_SET_BYTES + 1))) as (port, _):
        keys = UrlKeys(read_endpoint(f"http://127.0.0.1:{port}/jwks"), fetcher=Fetcher(), timeout=20)
        with pytest.raises(UnavailableError, match="more than"):
            await keys.fetch(now=NOW)


class Issuer:
    """Publishes metadata, and keys where it says; `hangs` names what never comes."""

    def __init__(self, *, keys: str = "/keys", hangs: str = "") -> None:
        self.keys = keys
        self.hangs = hangs

    async def answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        path = head.split(" ")[1]
        if path == self.hangs:
            await asyncio.Event().wait()
        issuer = f"http://127.0.0.1:{writer.get_extra_info('sockname')[1]}"
        pages = {
            "/.well-known/oauth-authorization-server": {"issuer": issuer, "jwks_uri": issuer + self.keys},
            "/keys": {"keys": []},
        }
        page = pages.get(path)
        found = fixed(b"", status="404 Not Found") if page is None else fixed(json.dumps(page).encode())
        await found(head, writer)


def discovered(port: int, *, timeout: float = 20) -> DiscoveredKeys:
    fetcher = Fetcher()
    issuer = f"http://127.0.0.1:{port}"
    discovery = Discovery(issuer, fetcher=fetcher, timeout=timeout, max_age=600, log=Events().log())
    return DiscoveredKeys(discovery, fetcher=fetcher, timeout=timeout)


async def test_keys_are_where_the_metadata_says() -> None:
    async with serving(Issuer().answer) as (port, requests):
        keys = discovered(port)
        for _ in range(2):
            assert await keys.fetch(now=NOW) == b'{"keys": []}'
    paths = [request.split(" ")[1] for request in requests]
    assert paths == ["/.well-known/oauth-authorization-server", "/keys", "/keys"]


async def test_keys_that_are_not_where_the_metadata_says_are_unavailable() -> None:
    async with serving(Issuer(keys="/elsewhere").answer) as (port, _):
        with pytest.raises(StatusError):
            await discovered(port).fetch(now=NOW)


@pytest.mark.parametrize("hangs", ["/keys", "/.well-known/oauth-authorization-server"])
async def test_finding_and_fetching_share_one_bound(hangs: str) -> None:
    async with serving(Issuer(hangs=hangs).answer) as (port, _):
        with pytest.raises(UnavailableError, match="finding and fetching the keys took longer than"):
            await discovered(port, timeout=0.3).fetch(now=NOW)
