"""More scopes, one step at a time: a list that shows what they would allow, a refusal that names them all."""

from collections.abc import Iterator

import pytest

from tests.flow.identity.provider import Provider
from tests.flow.identity.scene import COMMIT, LOG, ask, ask_list, open_gateway, scene, verdict
from tests.flow.product import Product

pytestmark = pytest.mark.timeout(240)

_POLICIES = """
@id("engineers-read")
permit (principal in Mcp::Group::"corp|eng", action == Mcp::Action::"git/git_log", resource);

@id("engineers-commit")
permit (principal in Mcp::Group::"corp|eng", action == Mcp::Action::"git/git_commit", resource)
when { context.scopes.containsAny(["git:write", "git:admin"]) };

@id("operators-reset")
permit (principal in Mcp::Group::"corp|ops", action == Mcp::Action::"git/git_reset", resource);
"""
_CATALOG = "version: 1\nservers: {git: {tools: {git_commit: {scopes: [git:read], arguments: {repo_path: path}}}}}\n"
_IDENTITY = """
version: 1
scopes: {implies: {"git:write": ["git:read"]}}
issuers:
  corp: {id: {claim: sub}, groups: {claim: groups, default: []}, scopes: {claim: scope, split: " ", default: []}}
"""


@pytest.fixture(scope="module", params=["granted", "reachable"])
def gateway(
    request: pytest.FixtureRequest, corp: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    with scene(tmp_path_factory.mktemp("step")) as made:
        policies = made.repository / "policies"
        (policies / "identity.cedar").write_text(_POLICIES)
        (policies / "catalog.yaml").write_text(_CATALOG)
        (policies / "identity.yaml").write_text(_IDENTITY)
        made.settings["gateway"]["lists"] = request.param
        yield open_gateway(made, {"alias": "corp", "issuer": corp.issuer})


def test_a_refusal_names_all_scopes_of_catalog_and_policies_at_once(corp: Provider, gateway: Product) -> None:
    answer = ask(gateway.mcp, corp.user_token("alice", resource=gateway.mcp, scope="openid"), COMMIT)
    assert verdict(answer) == "403 scope_missing"
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="git:read git:write"' in challenge


def test_a_scope_that_implies_another_is_enough(corp: Provider, gateway: Product) -> None:
    token = corp.user_token("alice", resource=gateway.mcp, scope="git:write")
    assert verdict(ask(gateway.mcp, token, COMMIT)) == "allowed"


def test_no_scope_is_named_where_none_would_help(corp: Provider, gateway: Product) -> None:
    token = corp.user_token("bob", resource=gateway.mcp, scope="git:read git:write")
    assert verdict(ask(gateway.mcp, token, LOG)) == "no_policy_allows"


def test_a_list_shows_what_more_scopes_would_allow_where_it_is_to(corp: Provider, gateway: Product) -> None:
    token = corp.user_token("alice", resource=gateway.mcp, scope="git:read")
    wanted = {"granted": ["git__git_log"], "reachable": ["git__git_commit", "git__git_log"]}
    assert ask_list(gateway.mcp, token) == wanted[gateway.settings["gateway"]["lists"]]
