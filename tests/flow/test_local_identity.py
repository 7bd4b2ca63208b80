"""Keys, passwords, accounts and exchanged assertions, in front of a real gateway process."""

import asyncio
import base64
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import mcp
import pytest
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from tests.flow.gateway_host import DEADLINE
from tests.flow.http_client import Client, Reply
from tests.flow.servers.definitions import ECHO
from tests.flow.test_gateway_commands import ODD, Place, running_gateway, text
from tests.mail_sink import Sink, listening
from tests.snapshots import tool_path, tool_snapshot
from tests.unit.tokens.local.accounts_place import CODE
from tests.unit.tokens.minting import EC_KEY, key_set, public_jwk, signed

EMAIL, PASSWORD, NEW = "alice@example.com", "correct horse battery", "another long password"
IDP, CLIENT, SECRET = "https://idp.corp.example", "cursor", "c" * 40
POLICY = """
@id("everyone-in-eng")
permit (principal, action, resource)
when {
    principal in Mcp::Group::"local|eng" || principal in Mcp::Group::"keys|eng" || principal in Mcp::Group::"corp|eng"
};
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening(None) as found:
        yield found


@pytest.fixture
def origin() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def place(tmp_path: Path, origin: str, sink: Sink) -> Place:
    resource = f"{origin}/mcp"
    mail = {"host": "127.0.0.1", "port": sink.port, "security": "unsafe_plain", "sender": "toolgate@example.com"}
    identity = {
        "issuers": [{"alias": "corp", "issuer": IDP, "audience": resource, "jwks": "idp.json"}],
        "api_keys": {},
        "basic": True,
        "local_issuer": {"issuer": origin, "audience": resource},
        "local_accounts": {"mail": mail},
        "id_jag": {"issuers": ["corp"], "clients": {CLIENT: "cursor.secret"}},
    }
    settings = {
        "version": 1,
        "identity": identity,
        "gateway": {"listen": origin.removeprefix("http://"), "resource": resource},
        "mcpServers": {"odd": {"command": ODD[0], "args": ODD[1:]}},
    }
    written = {
        "toolgate.yaml": json.dumps(settings).encode(),
        "idp.json": key_set(public_jwk(EC_KEY, kid="k1")),
        "policies/policy.cedar": POLICY.encode(),
        "policies/catalog.yaml": b"version: 1\n",
        tool_path("odd", "echo"): tool_snapshot(ECHO),
    }
    for name, content in written.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "cursor.secret").touch(mode=0o600)
    (tmp_path / "cursor.secret").write_text(SECRET)
    return Place(tmp_path, environment_of_commands())


def environment_of_commands() -> dict[str, str]:
    here = dict(os.environ)  # noqa: TID251 - the edge
    return {name: value for name, value in here.items() if name in {"PATH", "HOME"} or name.startswith("COV")}


async def typed(place: Place, *arguments: str, lines: str) -> str:
    """What the command prints when `lines` come in on standard input."""
    streams = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    process = await place.start(*arguments, **streams)
    output, _ = await process.communicate(lines.encode())
    assert process.returncode == 0
    return output.decode().strip()


async def called(origin: str, authorization: str) -> str:
    """What the tool answers to one who sends `authorization`, or the status with which the gateway refuses."""
    client = Client(int(origin.rpartition(":")[2]))
    reply = await client.call("odd__echo", text="hello", extra=[("Authorization", authorization)])
    return str(reply.json["result"]["content"][0]["text"]) if reply.status == 200 else str(reply.status)


async def until_refused(origin: str, authorization: str) -> None:
    async with asyncio.timeout(DEADLINE):
        while await called(origin, authorization) != "401":  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.2)


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def code_in(sink: Sink) -> str:
    """The code in the last mail."""
    found = CODE.search(sink.taken[-1][1])
    assert found is not None
    return found[0].decode()


async def post(origin: str, path: str, body: Any, *, extra: list[tuple[str, str]] | None = None) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [("Content-Type", "application/json"), *(extra or [])]
    return await Client(int(origin.rpartition(":")[2])).send(head, raw, path=path)


async def test_an_account_from_invitation_to_its_end(place: Place, origin: str, sink: Sink) -> None:
    await place.run("accounts", "invite", EMAIL, "--group", "eng")
    async with running_gateway(place):
        join = ("accounts", "join", "--url", origin)
        await typed(place, *join, lines=f"{code_in(sink)}\n{PASSWORD}\n")
        token = await typed(place, "accounts", "login", EMAIL, "--url", origin, lines=f"{PASSWORD}\n")
        assert await called(origin, f"Bearer {token}") == "hello"
        assert await called(origin, basic(EMAIL, PASSWORD)) == "hello"
        assert await called(origin, basic(EMAIL, NEW)) == "401"
        # a new password, asked for by whoever knows the address
        mails = len(sink.taken)
        assert (await post(origin, "/accounts/reset", {"email": "nobody@example.com"})).status == 202
        assert (await post(origin, "/accounts/reset", {"email": EMAIL})).status == 202
        async with asyncio.timeout(DEADLINE):
            while len(sink.taken) == mails:  # noqa: ASYNC110 - the server is another thread's
                await asyncio.sleep(0.05)
        assert sink.taken[-1][0] == [EMAIL]
        await typed(place, *join, lines=f"{code_in(sink)}\n{NEW}\n")
        await until_refused(origin, f"Bearer {token}")
        await until_refused(origin, basic(EMAIL, PASSWORD))
        changed = {"email": EMAIL, "password": NEW, "new_password": PASSWORD}
        assert (await post(origin, "/accounts/password", changed)).status == 204
        token = await typed(place, "accounts", "login", EMAIL, "--url", origin, lines=f"{PASSWORD}\n")
        assert await called(origin, f"Bearer {token}") == "hello"
        # the end
        await place.run("accounts", "disable", EMAIL)
        await until_refused(origin, f"Bearer {token}")
        assert (await post(origin, "/accounts/login", {"email": EMAIL, "password": PASSWORD})).status == 401
        listed = json.loads(await place.run("accounts", "list", "--json"))
        assert listed["accounts"] == [
            {"email": EMAIL, "state": "disabled", "groups": ["eng"], "roles": [], "scopes": []}
        ]


async def test_an_api_key_from_making_to_revoking(place: Place, origin: str) -> None:
    made = json.loads(await place.run("keys", "create", "--subject", "ci", "--group", "eng", "--json"))
    async with running_gateway(place):
        assert await called(origin, f"Bearer {made['key']}") == "hello"
        assert await called(origin, basic(made["id"], made["key"])) == "hello"
        for wrong in (made["key"][:-1] + "b", made["key"] + "a", made["key"].replace("tgk_", "tgk-")):
            assert await called(origin, f"Bearer {wrong}") == "401"
        new = json.loads(await place.run("keys", "rotate", made["id"], "--json"))
        async with asyncio.timeout(DEADLINE):
            while await called(origin, f"Bearer {new['key']}") != "hello":  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.2)
        assert await called(origin, f"Bearer {made['key']}") == "hello"
        await place.run("keys", "revoke", made["id"])
        await until_refused(origin, f"Bearer {made['key']}")
        assert await called(origin, f"Bearer {new['key']}") == "hello"


class Storage:
    """Keeps the client's tokens in memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("no client registers itself here")


def id_jag(audience: str, resource: str, *, token_id: str = "j1", **changes: Any) -> str:
    now = int(time.time())  # noqa: TID251 - the gateway asks the machine's clock too
    claims = {
        "iss": IDP,
        "aud": audience,
        "sub": "alice",
        "resource": resource,
        "client_id": CLIENT,
        "jti": token_id,
        "iat": now,
        "exp": now + 300,
        "groups": ["eng"],
    }
    return signed(claims | changes, typ="oauth-id-jag+jwt")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_official_client_exchanges_an_assertion_and_calls(place: Place, origin: str, method: Any) -> None:
    asked: list[tuple[str, str]] = []

    async def assertion(audience: str, resource: str) -> str:
        asked.append((audience, resource))
        return id_jag(audience, resource)

    storage = Storage()
    async with running_gateway(place) as (_, ready):
        url = ready["url"]
        flow = IdentityAssertionOAuthProvider(
            url, storage, CLIENT, SECRET, origin, assertion, token_endpoint_auth_method=method
        )
        async with (
            create_mcp_http_client(auth=flow) as http,
            mcp.Client(streamable_http_client(url, http_client=http)) as client,
        ):
            assert text(await client.call_tool("odd__echo", {"text": "hello"})) == "hello"
        assert asked == [(origin, url)]
        assert storage.tokens is not None
        assert (storage.tokens.token_type, storage.tokens.expires_in) == ("Bearer", 900)
        metadata = (await Client(int(origin.rpartition(":")[2])).send(
            [], b"", method="GET", path="/.well-known/oauth-protected-resource"
        )).json  # fmt: skip
        assert metadata["authorization_servers"] == [IDP, origin]


FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")
GRANT = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "client_id": CLIENT, "client_secret": SECRET}


async def test_hostile_requests_to_the_pages_get_nothing(place: Place, origin: str) -> None:
    port = int(origin.rpartition(":")[2])
    good = id_jag(origin, f"{origin}/mcp")
    form = GRANT | {"assertion": good}
    twice = urlencode([*form.items(), ("client_id", CLIENT)]).encode()
    own = ("Authorization", basic(CLIENT, SECRET))
    without = {name: value for name, value in form.items() if not name.startswith("client")}
    login = {"email": EMAIL, "password": PASSWORD}
    requests: list[tuple[str, str, list[tuple[str, str]], bytes, int]] = [
        ("POST", "/oauth/token", [JSON], json.dumps(form).encode(), 400),
        ("POST", "/oauth/token", [], urlencode(form).encode(), 400),
        ("POST", "/oauth/token", [FORM, FORM], urlencode(form).encode(), 400),
        ("POST", "/oauth/token", [FORM], twice, 400),
        ("POST", "/oauth/token", [FORM], b"%zz", 400),
        ("POST", "/oauth/token", [FORM], b"assertion=%ff&grant_type=x", 400),
        ("POST", "/oauth/token", [FORM], "assertion=ä".encode(), 400),
        ("POST", "/oauth/token", [FORM], urlencode(form | {f"p{n}": "x" for n in range(20)}).encode(), 400),
        ("POST", "/oauth/token", [FORM], urlencode(form | {"grant_type": "password"}).encode(), 400),
        ("POST", "/oauth/token", [FORM], urlencode(form | {"assertion": ""}).encode(), 400),
        ("POST", "/oauth/token", [FORM], urlencode(form | {"assertion": "x"}).encode(), 400),
        ("POST", "/oauth/token", [FORM], urlencode(form | {"resource": "https://x.example"}).encode(), 400),
        ("POST", "/oauth/token", [FORM], urlencode(form | {"scope": "admin"}).encode(), 400),
        ("POST", "/oauth/token", [FORM], urlencode(without).encode(), 401),
        ("POST", "/oauth/token", [FORM, own], urlencode(form).encode(), 400),
        ("POST", "/oauth/token", [FORM, own, own], urlencode(without).encode(), 400),
        ("POST", "/oauth/token", [FORM, own], urlencode(without | {"client_id": "other"}).encode(), 400),
        ("POST", "/oauth/token", [FORM, ("Authorization", f"Bearer {good}")], urlencode(without).encode(), 401),
        ("POST", "/oauth/token", [FORM, ("Authorization", "Basic !!")], urlencode(without).encode(), 401),
        ("POST", "/oauth/token", [FORM], urlencode(form | {"client_secret": "x"}).encode(), 401),
        ("POST", "/oauth/token", [FORM, ("Host", "evil.example")], urlencode(form).encode(), 403),
        ("POST", "/oauth/token", [FORM, ("Origin", "https://evil.example")], urlencode(form).encode(), 403),
        ("POST", "/oauth/token", [FORM, ("Content-Encoding", "gzip")], urlencode(form).encode(), 400),
        ("POST", "/oauth/token", [FORM], b"a" * 40_000, 413),
        ("GET", "/oauth/token", [], b"", 405),
        ("POST", "/oauth/jwks", [], b"", 405),
        ("GET", "/oauth/authorize?response_type=code", [], b"", 400),
        ("GET", "/accounts/login", [], b"", 405),
        ("POST", "/accounts/login", [FORM], urlencode(login).encode(), 415),
        ("POST", "/accounts/login", [], json.dumps(login).encode(), 415),
        ("POST", "/accounts/login", [JSON], b"{", 400),
        ("POST", "/accounts/login", [JSON], b"[]", 400),
        ("POST", "/accounts/login", [JSON], b'{"email":"a","email":"b","password":"c"}', 400),
        ("POST", "/accounts/login", [JSON], json.dumps(login | {"admin": True}).encode(), 400),
        ("POST", "/accounts/login", [JSON], json.dumps(login | {"password": ""}).encode(), 400),
        ("POST", "/accounts/login", [JSON], json.dumps(login | {"password": ["x"]}).encode(), 400),
        ("POST", "/accounts/login", [JSON], json.dumps(login | {"password": "x" * 2000}).encode(), 400),
        ("POST", "/accounts/login", [JSON], b'{"a":' * 50 + b"1" + b"}" * 50, 400),
        ("POST", "/accounts/login", [JSON, ("Host", "evil.example")], json.dumps(login).encode(), 403),
        ("POST", "/accounts/login", [JSON, ("Origin", "null")], json.dumps(login).encode(), 403),
        ("POST", "/accounts/login", [JSON], json.dumps(login).encode() + b" " * 40_000, 413),
        ("POST", "/accounts/login", [JSON], json.dumps(login).encode(), 401),
        ("POST", "/accounts/join", [JSON], b'{"code":"x","password":"correct horse battery"}', 401),
        ("POST", "/accounts/unknown", [JSON], b"{}", 404),
    ]
    async with running_gateway(place):
        answers = []
        for method, path, head, body, _ in requests:
            reply = await Client(port).send(head, body, method=method, path=path)
            answers.append((path, body[:60], reply.status))
            assert b"access_token" not in reply.body
        assert answers == [(path, body[:60], status) for _, path, _, body, status in requests]
        # nothing of it used the assertion up, and it is good once
        assert [
            (await Client(port).send([FORM], urlencode(form).encode(), path="/oauth/token")).status for _ in range(2)
        ] == [200, 400]


async def test_errors_are_those_that_oauth_clients_read(place: Place, origin: str) -> None:
    port = int(origin.rpartition(":")[2])
    form = urlencode({"grant_type": GRANT["grant_type"], "assertion": "x"}).encode()
    async with running_gateway(place):
        reply = await Client(port).send([FORM, ("Authorization", basic(CLIENT, "wrong"))], form, path="/oauth/token")
        assert (reply.status, reply.json["error"]) == (401, "invalid_client")
        assert reply.headers["www-authenticate"].startswith("Basic ")
        assert reply.headers["cache-control"] == "no-store"
        reply = await Client(port).send([FORM, ("Authorization", basic(CLIENT, SECRET))], form, path="/oauth/token")
        assert (reply.status, reply.json["error"]) == (400, "invalid_grant")
        keys = await Client(port).send([], b"", method="GET", path="/oauth/jwks")
        (key,) = keys.json["keys"]
        assert set(key) == {"alg", "crv", "kid", "kty", "use", "x"}


async def test_passwords_in_the_clear_do_not_start(place: Place) -> None:
    config = place.path / "toolgate.yaml"
    settings = json.loads(config.read_text())
    settings["gateway"]["listen"] = "0.0.0.0:0"
    config.write_text(json.dumps(settings))
    process = await place.start("gateway", stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2
    named = {line.partition(":")[0] for line in said.decode().splitlines() if "secrets_in_the_clear" in line}
    assert named == {"identity.basic", "identity.id_jag", "identity.local_accounts"}
