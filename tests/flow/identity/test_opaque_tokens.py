"""Tokens that say nothing: the gateway asks the provider that made them."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flow.identity.holder import Holder
from tests.flow.identity.provider import CLIENT_SECRET, Provider
from tests.flow.identity.scene import LOG, STATUS, ask, ask_with, open_gateway, outcome, scene, verdict
from tests.flow.product import DEADLINE, Product, until

pytestmark = pytest.mark.timeout(240)

ENDPOINT = "/token/introspection"
HOLDER = Holder()


@pytest.fixture
def steady(corp: Provider) -> Iterator[Provider]:
    """The provider, without faults once the test is over."""
    yield corp
    corp.control(faults={})


def asking(made: Product, corp: Provider, **introspection: Any) -> Product:
    how = {"client_id": "gateway", "client_secret": CLIENT_SECRET, "max_age": "1s", "timeout": "1s", **introspection}
    return open_gateway(made, {"alias": "corp", "issuer": corp.issuer, "introspection": how})


@pytest.fixture(scope="module")
def gateway(corp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with scene(tmp_path_factory.mktemp("opaque")) as made:
        yield asking(made, corp)


def opaque(corp: Provider, gateway: Product, user: str = "alice", *, resource: str | None = None) -> str:
    return corp.user_token(user, client="terminal", resource=resource or gateway.mcp)


def test_a_person_is_who_the_provider_says(corp: Provider, gateway: Product) -> None:
    assert outcome(gateway, opaque(corp, gateway)) == "allowed"
    newest = gateway.records("--tool", "git_log", "--decision", "allow")[-1]
    assert (newest["principal"], newest["groups"], newest["actor"]) == ("corp|alice", ["corp|eng"], "corp|terminal")
    assert outcome(gateway, opaque(corp, gateway, "bob")) == "no_policy_allows"


def test_signed_tokens_are_believed_beside_and_never_asked_about(corp: Provider, gateway: Product) -> None:
    asked = corp.asked(ENDPOINT)
    assert outcome(gateway, corp.user_token("alice", resource=gateway.mcp)) == "allowed"
    assert corp.asked(ENDPOINT) == asked


def test_a_token_for_another_resource_is_refused(corp: Provider, gateway: Product) -> None:
    assert outcome(gateway, opaque(corp, gateway, resource="https://other.test/mcp")) == "401 audience_mismatch"


def test_an_invented_token_is_refused_with_one_question(corp: Provider, gateway: Product) -> None:
    asked = corp.asked(ENDPOINT)
    assert [outcome(gateway, "an-invented-token", STATUS) for _ in range(5)] == ["401 token_invalid"] * 5
    assert corp.asked(ENDPOINT) == asked + 1


def test_a_refresh_token_is_no_access_token(corp: Provider, gateway: Product) -> None:
    assert outcome(gateway, corp.refresh_token("alice", client="terminal", resource=gateway.mcp), STATUS) == (
        "401 audience_mismatch"
    )


def test_a_revoked_token_is_refused_once_its_answer_is_too_old(corp: Provider, gateway: Product) -> None:
    token = opaque(corp, gateway)
    assert outcome(gateway, token) == "allowed"
    corp.revoke("terminal", token)
    until(lambda: outcome(gateway, token) == "401 token_invalid")


def test_a_client_of_its_own_is_one_where_the_settings_say_so(corp: Provider, gateway: Product, tmp_path: Path) -> None:
    assert outcome(gateway, corp.own_token("terminal", resource=gateway.mcp), STATUS) == "401 token_invalid"
    with scene(tmp_path) as made:
        trusting = asking(made, corp, without_subject="client")
        assert outcome(trusting, corp.own_token("terminal", resource=trusting.mcp), STATUS) == "allowed"
        newest = trusting.records("--tool", "git_status", "--decision", "allow")[-1]
        assert (newest["principal_type"], newest["principal"]) == ("agent", "corp|terminal")


def test_a_bound_token_needs_its_holder(corp: Provider, gateway: Product) -> None:
    proof = HOLDER.proof(f"{corp.issuer}/token")
    token = corp.user_token("alice", client="sealed-terminal", resource=gateway.mcp, proof=proof)
    assert outcome(gateway, token) == "401 proof_invalid"
    shown = ask(gateway.mcp, token, LOG, scheme="DPoP", DPoP=HOLDER.proof(gateway.mcp, token=token))
    assert verdict(shown) == "allowed"


async def test_many_callers_with_one_token_are_one_question(corp: Provider, gateway: Product) -> None:
    token = await asyncio.to_thread(opaque, corp, gateway)
    asked = corp.asked(ENDPOINT)
    async with asyncio.timeout(DEADLINE), httpx.AsyncClient() as client:
        answers = Counter(await asyncio.gather(*(ask_with(client, gateway.mcp, token, LOG) for _ in range(20))))
    assert answers == Counter(allowed=20)
    assert corp.asked(ENDPOINT) - asked < 20


@pytest.mark.parametrize("fault", [{"hang": True}, {"status": 500}, {"delay": 5000}], ids=str)
def test_a_provider_that_does_not_answer_lets_nobody_in_and_signed_tokens_go_on(
    steady: Provider, gateway: Product, fault: dict[str, Any]
) -> None:
    steady.control(faults={ENDPOINT: fault})
    token = opaque(steady, gateway)
    assert outcome(gateway, token) == "503 issuer_unavailable"
    assert outcome(gateway, steady.user_token("alice", resource=gateway.mcp)) == "allowed"
    steady.control(faults={})
    until(lambda: outcome(gateway, token) == "allowed")
