"""Who logged in at the company gets a token of the gateway's own: the official client, a real provider (ID-JAG)."""

import asyncio
from collections.abc import Iterator

import pytest
from mcp.client import Client
from mcp.client.auth import OAuthTokenError
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult

from tests.flow.identity.provider import Provider
from tests.flow.identity.scene import COMMIT, LOG, Call, open_gateway, scene
from tests.flow.identity.storage import Storage
from tests.flow.product import DEADLINE, Product, code_of, text_of

pytestmark = pytest.mark.timeout(240)

SECRET = "c" * 40


@pytest.fixture(scope="module")
def gateway(corp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with scene(tmp_path_factory.mktemp("enterprise")) as made:
        (made.folder / "writer.secret").write_text(SECRET)
        (made.folder / "writer.secret").chmod(0o600)
        yield open_gateway(
            made,
            {"alias": "corp", "issuer": corp.issuer},
            local_issuer={"issuer": origin(made), "audience": made.mcp},
            id_jag={"issuers": ["corp"], "clients": {"writer": "writer.secret"}},
        )


def origin(made: Product) -> str:
    return made.mcp.removesuffix("/mcp")


async def call_by_assertion(corp: Provider, gateway: Product, call: Call, *, client: str = "writer") -> CallToolResult:
    """What `call` brings for alice, whose `client` at the company asks for assertions."""
    id_token = await asyncio.to_thread(corp.id_token, "alice", client=client)

    async def assertion(audience: str, resource: str) -> str:
        def ask() -> str:
            return corp.identity_assertion(
                client, id_token, audience=audience, resource=resource, scope="git:read git:write"
            )

        return await asyncio.to_thread(ask)

    login = IdentityAssertionOAuthProvider(
        gateway.mcp, Storage(), "writer", SECRET, origin(gateway), assertion, scope="git:read git:write"
    )
    async with (
        asyncio.timeout(DEADLINE),
        create_mcp_http_client(auth=login) as http,
        Client(streamable_http_client(gateway.mcp, http_client=http)) as connected,
    ):
        return await connected.call_tool(*call)


async def test_an_assertion_of_the_company_opens_what_its_person_may_do(corp: Provider, gateway: Product) -> None:
    assert code_of(await call_by_assertion(corp, gateway, LOG)) == "allowed"
    newest = gateway.records("--tool", "git_log", "--decision", "allow")[-1]
    assert (newest["principal"], newest["groups"], newest["actor"]) == ("corp|alice", ["corp|eng"], "corp|writer")


async def test_the_client_that_asked_is_the_actor_that_policies_see(corp: Provider, gateway: Product) -> None:
    assert "No changes staged" in text_of(await call_by_assertion(corp, gateway, COMMIT))


async def test_an_assertion_for_another_client_opens_nothing(corp: Provider, gateway: Product) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(OAuthTokenError, match="invalid_grant"), flatten_subgroups=True):
        await call_by_assertion(corp, gateway, LOG, client="stranger")
