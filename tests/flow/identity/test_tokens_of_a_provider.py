"""Tokens of a real identity provider at a real gateway."""

import time
from collections.abc import Iterator

import pytest

from tests.flow.identity.provider import Provider
from tests.flow.identity.scene import COMMIT, LOG, STATUS, Call, ask, open_gateway, outcome, scene
from tests.flow.product import Product

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def gateway(corp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with scene(tmp_path_factory.mktemp("tokens")) as made:
        yield open_gateway(made, {"alias": "corp", "issuer": corp.issuer})


@pytest.fixture
def said(corp: Provider) -> Iterator[Provider]:
    """The provider, which says again what is true once the test is over."""
    yield corp
    corp.control(claims={})


def test_a_person_in_the_right_group_is_allowed_and_recorded(corp: Provider, gateway: Product) -> None:
    assert outcome(gateway, corp.user_token("alice", resource=gateway.mcp)) == "allowed"
    newest = gateway.records("--principal", "alice", "--decision", "allow")[-1]
    assert (newest["policies"], newest["principal"]) == (["engineers-use-git"], "corp|alice")


@pytest.mark.parametrize(("call", "expected"), [(LOG, "no_policy_allows"), (STATUS, "allowed")])
def test_a_person_of_another_group_has_what_everyone_has(
    corp: Provider, gateway: Product, call: Call, expected: str
) -> None:
    assert outcome(gateway, corp.user_token("bob", resource=gateway.mcp), call) == expected


@pytest.mark.parametrize(("client", "expected"), [("nightly-report", "allowed"), ("stranger", "no_policy_allows")])
def test_a_client_of_its_own_is_an_agent(corp: Provider, gateway: Product, client: str, expected: str) -> None:
    assert outcome(gateway, corp.own_token(client, resource=gateway.mcp)) == expected


@pytest.mark.parametrize("resource", ["https://other.test/mcp", "https://gateway.test/"])
def test_a_token_for_another_resource_is_refused(corp: Provider, gateway: Product, resource: str) -> None:
    assert outcome(gateway, corp.user_token("alice", resource=resource)) == "401 audience_mismatch"
    slashed = corp.user_token("alice", resource=f"{gateway.mcp}/")
    assert outcome(gateway, slashed) == "401 audience_mismatch"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": -60}, "401 token_expired"),
        ({"nbf": 3600}, "401 token_invalid"),
        ({"iat": 3600}, "401 token_invalid"),
    ],
)
def test_a_token_is_good_in_its_time_only(
    said: Provider, gateway: Product, claims: dict[str, int], expected: str
) -> None:
    now = int(time.time())  # noqa: TID251 - the provider and the gateway live by the wall clock
    said.control(claims={name: now + seconds for name, seconds in claims.items()})
    assert outcome(gateway, said.user_token("alice", resource=gateway.mcp)) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": None}, "401 token_invalid"),
        ({"sub": None}, "401 token_invalid"),
        ({"sub": 7}, "401 token_invalid"),
        ({"iss": "https://login.other.test"}, "401 token_invalid"),
        ({"aud": []}, "401 audience_mismatch"),
        ({"cnf": {"kid": "unknown"}}, "401 proof_invalid"),
        ({"groups": "eng"}, "403 identity_unmapped"),
        ({"act": "writer"}, "403 identity_unmapped"),
    ],
    ids=str,
)
def test_a_signed_token_that_says_too_little_or_too_much_lets_nobody_in(
    said: Provider, gateway: Product, claims: dict[str, object], expected: str
) -> None:
    said.control(claims=claims)
    assert outcome(gateway, said.user_token("alice", resource=gateway.mcp), STATUS) == expected


def test_an_id_token_is_no_access_token(corp: Provider, gateway: Product) -> None:
    id_token = corp.id_token("alice")
    assert outcome(gateway, id_token, STATUS) == "401 token_invalid"


def test_an_assertion_for_an_authorization_server_is_no_access_token(corp: Provider, gateway: Product) -> None:
    id_token = corp.id_token("alice")
    assertion = corp.identity_assertion("coder", id_token, audience=gateway.mcp, resource=gateway.mcp, scope="git:read")
    assert outcome(gateway, assertion, STATUS) == "401 token_invalid"


@pytest.mark.parametrize(
    ("chain", "policy"),
    [
        (["writer"], "engineers-use-git"),
        (["stranger"], "commits-by-known-agents"),
        (["stranger", "writer"], "engineers-use-git"),
        (["stranger", "coder", "writer"], "short-delegation"),
        (["planner", "writer"], "planners-hand-nothing-on"),
    ],
)
def test_an_exchanged_token_carries_the_chain_of_agents_into_the_decision(
    corp: Provider, gateway: Product, chain: list[str], policy: str
) -> None:
    token = corp.user_token("alice", resource=gateway.mcp)
    for client in chain:
        token = corp.exchanged(client, token, resource=gateway.mcp)
    code = "allowed" if policy == "engineers-use-git" else "forbidden_by_policy"
    assert outcome(gateway, token, COMMIT) == code
    newest = [one for one in gateway.records("--tool", "git_commit") if one["kind"] == "decision"][-1]
    assert (newest["principal"], newest["actor"]) == ("corp|alice", f"corp|{chain[-1]}")
    assert (newest["reason_code"], newest["policies"]) == (code, [policy])


def test_a_client_that_acts_for_a_person_is_the_actor(corp: Provider, gateway: Product) -> None:
    by_coder = corp.user_token("alice", client="coder", resource=gateway.mcp)
    by_stranger = corp.user_token("alice", client="stranger", resource=gateway.mcp)
    assert outcome(gateway, by_coder, COMMIT) == "allowed"
    assert outcome(gateway, by_stranger, COMMIT) == "forbidden_by_policy"


def test_granted_scopes_are_what_the_provider_granted(corp: Provider, gateway: Product) -> None:
    reading = corp.user_token("alice", resource=gateway.mcp, scope="git:read")
    assert outcome(gateway, reading, LOG) == "allowed"
    answer = ask(gateway.mcp, reading, COMMIT)
    assert "scope_missing" in answer.text
