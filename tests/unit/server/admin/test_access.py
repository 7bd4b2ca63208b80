import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from pdp.hosting.address import ListenAddress, TcpAddress, UnixAddress
from pdp.server.admin import guard as guard_module
from pdp.server.admin.guard import Guard
from pdp.server.admin.permission import Permitted
from tests.unit.server.admin.hosting import ORIGIN, RESOURCE, REVOCATIONS, Admin, administering, as_, token
from tests.unit.tokens.minting import ED_KEY, NOW, claims, signed

BODY = {"kind": "principal", "id": "corp|alice"}
PATHS = [
    ("GET", "/admin/v1/whoami"),
    ("GET", "/admin/v1/status"),
    ("POST", "/admin/v1/bundle/refresh"),
    ("GET", REVOCATIONS),
    ("POST", REVOCATIONS),
    ("DELETE", REVOCATIONS),
    ("GET", "/admin/v1/openapi.json"),
    ("GET", "/nothing"),
]


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with administering(tmp_path) as running:
        yield running


def routes_of(guard: Guard) -> list[APIRoute]:
    app = guard._app
    assert isinstance(app, FastAPI)
    found: list[Any] = []
    pending: list[Any] = list(app.routes)
    while pending:
        one = pending.pop()
        if isinstance(one, APIRoute):
            found.append(one)
        else:
            pending += getattr(getattr(one, "original_router", None), "routes", [])
    return found


async def test_every_path_asks_for_a_permission_but_the_one_that_says_who_asks(admin: Admin) -> None:
    asking = {}
    for route in routes_of(admin.guard):
        calls = [dependency.call for dependency in route.dependant.dependencies]
        actions = [call._action.value for call in calls if isinstance(call, Permitted)]
        asking.update({(method, route.path): actions for method in route.methods or ()})
    assert asking == {
        ("GET", "/admin/v1/whoami"): [],
        ("GET", "/admin/v1/status"): ["status:read"],
        ("POST", "/admin/v1/bundle/refresh"): ["policies:publish"],
        ("GET", REVOCATIONS): ["revocations:read"],
        ("POST", REVOCATIONS): ["revocations:write"],
        ("DELETE", REVOCATIONS): ["revocations:write"],
    }


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic b2xnYTpvbGdh",
        f"Bearer  {token()}",
        f"Bearer {token()} ",
        f"Bearer\t{token()}",
        f"Bearer {token()},{token()}",
        f"Bearer {token(aud='https://gateway.example.com/mcp')}",
        f"Bearer {token(aud=RESOURCE + '/')}",
        f"Bearer {token(exp=int(NOW) - 60)}",
        f"Bearer {signed(claims(aud=RESOURCE, sub='olga'), key=ED_KEY, algorithm='EdDSA')}",
        f"DPoP {token()}",
    ],
)
async def test_nobody_gets_anywhere_without_a_good_token(admin: Admin, credential: str | None) -> None:
    headers = {} if credential is None else {"authorization": credential}
    for method, path in PATHS:
        answer = await admin.client.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"] == 'Bearer realm="toolgate-admin"'
        assert answer.json()["code"] == "not_authenticated"
    assert admin.told() == [(None, None, 401)] * len(PATHS)
    assert admin.store.sequence() == 0


@pytest.mark.parametrize("claims_", [{"groups": "ops"}, {"groups": [["ops"]]}, {"roles": [1]}])
async def test_a_token_that_makes_nobody_is_let_in_nowhere(admin: Admin, claims_: dict[str, Any]) -> None:
    for method, path in PATHS:
        answer = await admin.client.request(method, path, headers=as_(**claims_))
        assert (answer.status_code, answer.json()["code"]) == (403, "refused")
    assert (admin.told(), admin.store.sequence()) == ([(None, None, 403)] * len(PATHS), 0)


async def test_two_credentials_are_none(admin: Admin) -> None:
    headers = [("authorization", f"Bearer {token()}"), ("authorization", f"Bearer {token(sub='alice')}")]
    answer = await admin.client.get("/admin/v1/status", headers=headers)
    assert (answer.status_code, admin.told()) == (400, [(None, None, 400)])


async def test_whoami_tells_who_asks_and_what_they_may_do(admin: Admin) -> None:
    assert (await admin.get("/admin/v1/whoami", client_id="console")).json() == {
        "principal": "corp|olga",
        "type": "user",
        "actor": "corp|console",
        "roles": ["operator"],
        "permitted": ["status:read", "revocations:read", "revocations:write"],
    }
    stranger = (await admin.get("/admin/v1/whoami", sub="eve", groups=["operator", "auditor"])).json()
    assert (stranger["roles"], stranger["permitted"]) == ([], [])


async def test_what_a_role_does_not_have_is_refused_and_told(admin: Admin) -> None:
    auditor: dict[str, Any] = {"sub": "ann", "groups": ["audit"]}
    assert (await admin.get("/admin/v1/status", **auditor)).status_code == 200
    assert (await admin.get(REVOCATIONS, **auditor)).status_code == 200
    revoke = await admin.client.post(REVOCATIONS, json=BODY, headers=as_(**auditor))
    lift = await admin.client.delete(REVOCATIONS, params=BODY, headers=as_(**auditor))
    for answer in (revoke, lift):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert admin.told() == [
        ("corp|ann", "status:read", 200),
        ("corp|ann", "revocations:read", 200),
        ("corp|ann", "revocations:write", 403),
        ("corp|ann", "revocations:write", 403),
    ]
    assert admin.store.sequence() == 0


async def test_an_agent_with_an_operators_token_revokes_nothing(admin: Admin) -> None:
    answer = await admin.client.post(REVOCATIONS, json=BODY, headers=as_(act={"sub": "bot"}))
    assert (answer.status_code, admin.store.sequence()) == (403, 0)


@pytest.mark.parametrize(
    "path",
    [
        "//admin/v1/revocations",
        "/admin//v1/revocations",
        "/admin/v1/revocations/",
        "/admin/v1/./revocations",
        "/admin/v1/x/../revocations",
        "/admin/v1/revocations;x",
        "/admin/v1/Revocations",
        "/admin/v1/revocations%00",
        "/admin/v1/revocations%2f",
        "/ADMIN/v1/revocations",
    ],
)
async def test_another_spelling_of_a_path_leads_nowhere(admin: Admin, path: str) -> None:
    scope: dict[str, Any] = {"type": "http", "method": "POST", "query_string": b"", "client": None}
    for spelled in (path, path.replace("%00", "\0").replace("%2f", "/")):
        scope["path"] = spelled
        scope["headers"] = [(b"host", b"127.0.0.1"), (b"authorization", as_()["authorization"].encode())]
        assert await status_of(admin.guard, scope) == 404
    assert admin.store.sequence() == 0


async def test_an_encoded_path_asks_for_the_same_permission(admin: Admin) -> None:
    answer = await admin.client.post("/admin/v1/%72evocations", json=BODY, headers=as_("eve"))
    assert (answer.status_code, admin.told()) == (403, [("corp|eve", "revocations:write", 403)])


@pytest.mark.parametrize("header", ["x-http-method-override", "x-http-method", "x-method-override"])
async def test_a_method_is_the_one_that_was_sent(admin: Admin, header: str) -> None:
    auditor = as_("ann", groups=["audit"]) | {header: "DELETE"}
    assert (await admin.client.get(REVOCATIONS, params=BODY, headers=auditor)).status_code == 200
    for method in ("PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "REVOKE"):
        answer = await admin.client.request(method, REVOCATIONS, headers=as_())
        assert answer.status_code == 405
    assert admin.store.sequence() == 0


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "", "http://127.0.0.1:8182", f"{ORIGIN}.evil"])
async def test_a_page_of_somebody_elses_is_refused_whatever_it_brings(admin: Admin, origin: str) -> None:
    for method, path in PATHS:
        answer = await admin.client.request(method, path, headers=as_() | {"origin": origin})
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (403, None)
    assert admin.store.sequence() == 0


async def test_a_page_that_is_configured_may_ask(admin: Admin) -> None:
    answer = await admin.client.get("/admin/v1/status", headers=as_() | {"origin": ORIGIN})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("listen", "host", "status"),
    [
        (TcpAddress("127.0.0.1", 8182), "127.0.0.1:8182", 200),
        (TcpAddress("127.0.0.1", 8182), "localhost", 200),
        (TcpAddress("127.0.0.1", 8182), "pdp.example.com", 200),
        (TcpAddress("127.0.0.1", 8182), "evil.example.com", 403),
        (TcpAddress("127.0.0.1", 8182), "127.0.0.1.evil.example.com", 403),
        (TcpAddress("127.0.0.1", 8182), "", 403),
        (TcpAddress("10.0.0.5", 8182), "pdp.example.com:443", 200),
        (TcpAddress("10.0.0.5", 8182), "10.0.0.5:8182", 200),
        (TcpAddress("10.0.0.5", 8182), "127.0.0.1:8182", 403),
        (TcpAddress("10.0.0.5", 8182), "pdp.example.com@evil.example.com", 403),
        (UnixAddress(Path("/run/admin.sock")), "anything", 200),
    ],
)
async def test_only_names_of_this_listener_are_answered(
    tmp_path: Path, listen: ListenAddress, host: str, status: int
) -> None:
    async with administering(tmp_path, listen=listen) as admin:
        answer = await admin.client.get("/admin/v1/status", headers=as_() | {"host": host})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"kind":"principal","id":"corp|alice","id":"corp|bob"}', {}, 400),
        (b'\xff{"kind":"principal","id":"corp|alice"}', {}, 400),
        (b"[" * 1000, {}, 400),
        (b'{"kind":"principal","id":"corp|alice"}', {"content-type": "text/plain"}, 415),
        (b'{"kind":"principal","id":"corp|alice"}', {"content-encoding": "gzip"}, 415),
        (b"kind=principal&id=corp%7Calice", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b" " * 70_000, {}, 413),
    ],
)
async def test_a_body_is_small_exact_json(admin: Admin, body: bytes, headers: dict[str, str], status: int) -> None:
    sent = as_() | {"content-type": "application/json"} | headers
    answer = await admin.client.post(REVOCATIONS, content=body, headers=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert admin.store.sequence() == 0


async def test_a_slow_body_ends(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "BODY_SECONDS", 0.01)
    scope = {
        "type": "http",
        "method": "POST",
        "path": REVOCATIONS,
        "query_string": b"",
        "client": None,
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"authorization", as_()["authorization"].encode()),
            (b"content-type", b"application/json"),
            (b"content-length", b"10"),
        ],
    }
    assert await status_of(admin.guard, scope) == 408


async def status_of(guard: Guard, scope: dict[str, Any]) -> int:
    """The status of one exchange whose body never comes."""
    statuses: list[int] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await guard(scope, receive, send)
    return statuses[0]


async def test_whatever_fails_is_told_to_the_log_alone(admin: Admin) -> None:
    admin.decider.__class__ = type("Broken", (), {"reload_failures": property(lambda _: 1 // 0)})
    answer = await admin.get("/admin/v1/status")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "division" not in answer.text
    assert [event["error"] for event in admin.events.named("admin_failed")] == ["ZeroDivisionError"]


async def test_answers_are_kept_by_nobody_and_pages_load_from_nowhere(admin: Admin) -> None:
    for path in ("/admin/v1/status", "/admin/v1/openapi.json"):
        assert (await admin.get(path)).headers["cache-control"] == "no-store"
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert (await admin.get(path)).status_code == 404
    described = (await admin.get("/admin/v1/openapi.json")).json()
    assert set(described["paths"]) == {"/admin/v1/whoami", "/admin/v1/status", "/admin/v1/bundle/refresh", REVOCATIONS}
