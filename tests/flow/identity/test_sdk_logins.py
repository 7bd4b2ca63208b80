"""The official SDK's clients log in by themselves: from a 401 to a call, with nothing but the gateway's URL."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

from tests.conftest import ROOT, Require
from tests.flow.identity.provider import CLIENT_SECRET, REDIRECT, Provider, consent
from tests.flow.identity.scene import BRANCH, COMMIT, LOG, open_gateway, scene
from tests.flow.identity.storage import Storage
from tests.flow.product import DEADLINE, Product, code_of, text_of

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def gateway(corp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with scene(tmp_path_factory.mktemp("logins")) as made:
        yield open_gateway(made, {"alias": "corp", "issuer": corp.issuer})


def known(client: str, corp: Provider) -> OAuthClientInformationFull:
    """A client that was registered at `corp` by hand."""
    return OAuthClientInformationFull.model_validate(
        {
            "client_id": client,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": "client_secret_basic",
            "issuer": corp.issuer,
        }
    )


class Browser:
    """Goes where the SDK sends its user, and comes back with a code."""

    def __init__(self, user: str) -> None:
        self._user = user
        self.visited: list[str] = []

    async def go(self, url: str) -> None:
        self.visited.append(url)

    async def come_back(self) -> AuthorizationCodeResult:
        brought = await asyncio.to_thread(consent, self.visited[-1], user=self._user)
        return AuthorizationCodeResult(code=brought["code"], state=brought["state"], iss=brought["iss"])


def login(gateway: Product, browser: Browser, storage: Storage, **metadata: Any) -> OAuthClientProvider:
    wanted = OAuthClientMetadata.model_validate(
        {"client_name": "a client of the SDK", "redirect_uris": [REDIRECT], **metadata}
    )
    return OAuthClientProvider(
        gateway.mcp, wanted, storage, redirect_handler=browser.go, callback_handler=browser.come_back
    )


async def test_a_client_that_nobody_knows_registers_logs_in_and_calls(corp: Provider, gateway: Product) -> None:
    browser, storage = Browser("alice"), Storage()
    async with (
        asyncio.timeout(DEADLINE),
        create_mcp_http_client(auth=login(gateway, browser, storage)) as http,
        Client(streamable_http_client(gateway.mcp, http_client=http)) as connected,
    ):
        result = await connected.call_tool(*LOG)
    assert code_of(result) == "allowed"
    assert storage.client is not None
    newest = gateway.records("--tool", "git_log", "--decision", "allow")[-1]
    assert (newest["principal"], newest["actor"]) == ("corp|alice", f"corp|{storage.client.client_id}")
    assert len(browser.visited) == 1


async def test_a_client_that_was_registered_by_hand_logs_in_and_calls(corp: Provider, gateway: Product) -> None:
    browser, storage = Browser("alice"), Storage(known("writer", corp))
    async with (
        asyncio.timeout(DEADLINE),
        create_mcp_http_client(auth=login(gateway, browser, storage)) as http,
        Client(streamable_http_client(gateway.mcp, http_client=http)) as connected,
    ):
        result = await connected.call_tool(*COMMIT)
    assert "No changes staged" in text_of(result)  # so says the server
    newest = [one for one in gateway.records("--tool", "git_commit") if one["kind"] == "decision"][-1]
    assert (newest["principal"], newest["actor"]) == ("corp|alice", "corp|writer")


async def test_an_agent_logs_in_as_itself_and_calls(corp: Provider, gateway: Product) -> None:
    login = ClientCredentialsOAuthProvider(
        gateway.mcp, Storage(), client_id="nightly-report", client_secret=CLIENT_SECRET, issuer=corp.issuer
    )
    async with (
        asyncio.timeout(DEADLINE),
        create_mcp_http_client(auth=login) as http,
        Client(streamable_http_client(gateway.mcp, http_client=http)) as connected,
    ):
        assert code_of(await connected.call_tool(*LOG)) == "allowed"
        assert code_of(await connected.call_tool(*BRANCH)) == "no_policy_allows"


def test_a_client_of_the_last_revision_logs_in_lists_and_calls(
    corp: Provider, gateway: Product, require: Require
) -> None:
    python = ROOT / ".venv-mcp1/bin/python"
    require(python.exists(), reason="no SDK 1 here: make setup")
    script = ROOT / "tests/flow/identity/legacy_login.py"
    with subprocess.Popen(
        [str(python), str(script), gateway.mcp, LOG[0], json.dumps(LOG[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        written, _ = process.communicate(json.dumps(consent(address, user="alice")) + "\n", timeout=DEADLINE)
    seen = json.loads(written)
    assert (seen["version"], seen["error"]) == ("2025-11-25", False)
    assert LOG[0] in seen["tools"]
    assert "Start the demo repository" in seen["text"]


async def test_a_client_asks_its_user_again_when_a_call_needs_more(corp: Provider, gateway: Product) -> None:
    browser, storage = Browser("alice"), Storage(known("writer", corp))
    async with (
        asyncio.timeout(DEADLINE),
        create_mcp_http_client(auth=login(gateway, browser, storage)) as http,
        Client(streamable_http_client(gateway.mcp, http_client=http)) as connected,
    ):
        assert code_of(await connected.call_tool(*LOG)) == "allowed"
        assert (len(browser.visited), storage.scopes) == (1, {"git:read"})
        assert "No changes staged" in text_of(await connected.call_tool(*COMMIT))
        assert (len(browser.visited), storage.scopes) == (2, {"git:read", "git:write"})
