from pathlib import Path

import httpx
import pytest

from pdp.tokens.listen_address import ListenAddress, TcpAddress, UnixAddress
from tests.unit.server.hosting import KEY, LOOPBACK, NETWORK, OTHER_KEY, QUESTION, SEARCH, Host, bearer, hosting

UNIX = UnixAddress(Path("/run/pdp.sock"))

OPEN = [("GET", "/healthz")]
LOCAL = [
    ("POST", "/access/v1/evaluation"),
    ("POST", "/access/v1/search/resource"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]
GUARDED = [("POST", "/v1/records"), ("GET", "/v1/catalog")]
UNKNOWN = [("GET", "/"), ("POST", "/access/v1/evaluations"), ("GET", "/v1/records/"), ("GET", "//healthz")]


async def ask(host: Host, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    bodies = {"/access/v1/evaluation": QUESTION, "/access/v1/search/resource": SEARCH, "/v1/records": []}
    return await host.client.request(method, path, json=bodies.get(path), headers=headers)


@pytest.mark.parametrize("listen", [LOOPBACK, UNIX, NETWORK])
async def test_who_may_ask_what_without_a_credential(listen: ListenAddress) -> None:
    async with hosting(listen) as host:
        for method, path in OPEN:
            assert (await ask(host, method, path)).status_code == 200
        for method, path in LOCAL:
            assert (await ask(host, method, path)).status_code == (401 if listen is NETWORK else 200)
        for method, path in GUARDED + UNKNOWN:
            assert (await ask(host, method, path)).status_code == 401
        assert len(host.decider.asked) == (0 if listen is NETWORK else 2)


@pytest.mark.parametrize("listen", [LOOPBACK, UNIX, NETWORK])
async def test_a_credential_opens_every_path(listen: ListenAddress) -> None:
    async with hosting(listen) as host:
        for method, path in OPEN + LOCAL + GUARDED:
            assert (await ask(host, method, path, bearer(KEY))).status_code == 200
        for method, path in UNKNOWN:
            assert (await ask(host, method, path, bearer(KEY))).status_code == 404


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY} {KEY}",
        f"Bearer {KEY.upper()}",
        f"Basic {KEY}",
        KEY,
        "Bearer \u00e9",
        f"bearer\t{KEY}",
        f"Bearer {KEY},{OTHER_KEY}",
    ],
)
@pytest.mark.parametrize("listen", [LOOPBACK, NETWORK])
async def test_a_wrong_credential_is_never_none(listen: ListenAddress, credential: str) -> None:
    async with hosting(listen) as host:
        headers = {"authorization": credential.encode("latin-1")}
        for method, path in LOCAL + GUARDED:
            answer = await ask(host, method, path, headers)  # type: ignore[arg-type] # httpx takes bytes
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == 'Bearer realm="toolgate"'
            assert KEY not in answer.text
        assert host.decider.asked == []


async def test_two_credentials_are_none() -> None:
    async with hosting() as host:
        headers = [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {OTHER_KEY}")]
        answer = await host.client.post("/access/v1/evaluation", json=QUESTION, headers=headers)
        assert answer.status_code == 400


async def test_the_scheme_is_case_insensitive() -> None:
    async with hosting() as host:
        for scheme in ("bearer", "BEARER"):
            assert (await ask(host, "GET", "/v1/catalog", {"authorization": f"{scheme} {KEY}"})).status_code == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8181", "https://evil.example.com", "null", ""])
@pytest.mark.parametrize("headers", [{}, bearer(KEY)])
async def test_browsers_are_refused(origin: str, headers: dict[str, str]) -> None:
    async with hosting() as host:
        for method, path in LOCAL + GUARDED + UNKNOWN:
            assert (await ask(host, method, path, headers | {"origin": origin})).status_code == 403
        assert host.decider.asked == []


@pytest.mark.parametrize(
    "name",
    ["127.0.0.1", "127.0.0.1:8181", "localhost:1", "LocalHost", "[::1]:8181", "[::1]", "127.8.8.8"],
)
async def test_names_of_this_machine_are_taken(name: str) -> None:
    async with hosting() as host:
        assert (await host.ask(headers={"host": name})).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "evil.example.com",
        "evil.example.com:8181",
        "127.0.0.1.evil.example.com",
        "localhost.evil.example.com",
        "localhost.",
        "evil@127.0.0.1",
        "127.0.0.1@evil",
        "127.0.0.1:8181:80",
        "127.0.0.1:x",
        "127.0.0.1 ",
        "[::1]x",
        "[::1",
        "[evil]",
        "::1",
        "0.0.0.0",
        "2130706433",
        "127.1",
        "",
        "127.0.0.1,evil.example.com",
    ],
)
async def test_names_that_may_point_here_are_refused(name: str) -> None:
    async with hosting() as host:
        assert (await host.ask(headers={"host": name})).status_code == 403
        assert (await host.ask(headers={"host": name} | bearer(KEY))).status_code == 200
        assert len(host.decider.asked) == 1


async def test_two_hosts_are_refused() -> None:
    async with hosting() as host:
        headers = [("host", "127.0.0.1"), ("host", "evil.example.com")]
        assert (await host.ask(headers=headers)).status_code == 400


async def test_the_configured_name_is_taken() -> None:
    async with hosting(TcpAddress("127.0.0.5", 8181)) as host:
        assert (await host.ask(headers={"host": "127.0.0.5:8181"})).status_code == 200


async def test_a_unix_socket_has_no_name() -> None:
    async with hosting(UNIX) as host:
        assert (await host.ask(headers={"host": "pdp"})).status_code == 200
