"""Tokens that a real provider bound to a key, at a real gateway: whoever holds the token alone gets nowhere."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.flow.identity.holder import Holder
from tests.flow.identity.provider import Provider
from tests.flow.identity.scene import LOG, STATUS, Call, ask, open_gateway, outcome, scene, verdict
from tests.flow.product import Product

pytestmark = pytest.mark.timeout(240)

HOLDER = Holder()
WELL_KNOWN = "/.well-known/oauth-protected-resource"


@pytest.fixture(scope="module")
def gateway(corp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with scene(tmp_path_factory.mktemp("bound")) as made:
        yield open_gateway(made, {"alias": "corp", "issuer": corp.issuer})


@pytest.fixture(scope="module")
def strict(corp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A gateway that wants every token bound, and a nonce of its own in each proof."""
    issuer = {"alias": "corp", "issuer": corp.issuer, "dpop": "required"}
    with scene(tmp_path_factory.mktemp("strict")) as made:
        yield open_gateway(made, issuer, dpop={"nonce": "required"})


def bound(corp: Provider, gateway: Product, user: str = "alice") -> str:
    """A token of `user` that is bound to the key of `HOLDER`."""
    proof = HOLDER.proof(f"{corp.issuer}/token")
    return corp.user_token(user, client="wallet", resource=gateway.mcp, proof=proof)


def show(gateway: Product, token: str, proof: str, call: Call = LOG) -> httpx.Response:
    return ask(gateway.mcp, token, call, scheme="DPoP", DPoP=proof)


def challenge(answer: httpx.Response, scheme: str) -> str:
    """The one challenge of `scheme` in `answer`."""
    [found] = [one for one in answer.headers.get_list("WWW-Authenticate") if one.startswith(f"{scheme} ")]
    return found


def test_a_client_learns_that_it_may_show_proofs_and_where_it_must(gateway: Product, strict: Product) -> None:
    said = [httpx.get(made.mcp.replace("/mcp", f"{WELL_KNOWN}/mcp")).json() for made in (gateway, strict)]
    assert [document.get("dpop_bound_access_tokens_required") for document in said] == [None, True]
    assert all("ES256" in document["dpop_signing_alg_values_supported"] for document in said)


def test_the_holder_is_allowed_with_a_new_proof_each_time(corp: Provider, gateway: Product) -> None:
    token = bound(corp, gateway)
    answers = [show(gateway, token, HOLDER.proof(gateway.mcp, token=token)) for _ in range(3)]
    assert [verdict(answer) for answer in answers] == ["allowed"] * 3


def test_an_agent_holds_its_token_too(corp: Provider, gateway: Product) -> None:
    token = corp.own_token("wallet", resource=gateway.mcp, proof=HOLDER.proof(f"{corp.issuer}/token"))
    assert verdict(show(gateway, token, HOLDER.proof(gateway.mcp, token=token), STATUS)) == "allowed"
    assert outcome(gateway, token, STATUS) == "401 proof_invalid"


def test_a_proof_is_good_once(corp: Provider, gateway: Product) -> None:
    token = bound(corp, gateway)
    proof = HOLDER.proof(gateway.mcp, token=token)
    assert [verdict(show(gateway, token, proof)) for _ in range(2)] == ["allowed", "401 proof_invalid"]


def test_a_bound_token_is_no_bearer_token(corp: Provider, gateway: Product) -> None:
    token = bound(corp, gateway)
    assert outcome(gateway, token) == "401 proof_invalid"
    beside = ask(gateway.mcp, token, LOG, DPoP=HOLDER.proof(gateway.mcp, token=token))
    assert verdict(beside) == "401 proof_invalid"


def test_a_bearer_token_is_no_bound_token(corp: Provider, gateway: Product) -> None:
    token = corp.user_token("alice", resource=gateway.mcp)
    assert verdict(show(gateway, token, HOLDER.proof(gateway.mcp, token=token))) == "401 proof_invalid"
    assert outcome(gateway, token) == "allowed"


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "GET"},
        {"htu": "https://gateway.other.test/mcp"},
        {"ath": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"iat": 1},
        {"jti": ""},
    ],
    ids=str,
)
def test_a_proof_for_something_else_lets_nobody_in(corp: Provider, gateway: Product, changes: dict[str, Any]) -> None:
    token = bound(corp, gateway)
    answer = show(gateway, token, HOLDER.proof(gateway.mcp, token=token, **changes))
    assert verdict(answer) == "401 proof_invalid"
    assert challenge(answer, "DPoP").startswith('DPoP error="invalid_dpop_proof"')


def test_a_thief_with_a_key_of_their_own_gets_nowhere(corp: Provider, gateway: Product) -> None:
    token = bound(corp, gateway)
    assert verdict(show(gateway, token, Holder().proof(gateway.mcp, token=token))) == "401 proof_invalid"


def test_a_nonce_that_is_asked_for_is_given_and_taken(corp: Provider, strict: Product) -> None:
    token = bound(corp, strict)
    asked = show(strict, token, HOLDER.proof(strict.mcp, token=token))
    assert verdict(asked) == "401 proof_invalid"
    assert challenge(asked, "DPoP").startswith('DPoP error="use_dpop_nonce"')
    nonce = asked.headers["DPoP-Nonce"]
    answers = [show(strict, token, HOLDER.proof(strict.mcp, token=token, nonce=nonce)) for _ in range(2)]
    assert [verdict(answer) for answer in answers] == ["allowed"] * 2
    wrong = show(strict, token, HOLDER.proof(strict.mcp, token=token, nonce=f"{nonce}x"))
    assert verdict(wrong) == "401 proof_invalid"


def test_where_tokens_must_be_bound_an_unbound_one_is_refused(corp: Provider, strict: Product) -> None:
    assert outcome(strict, corp.user_token("alice", resource=strict.mcp)) == "401 proof_invalid"
