"""Searches of a bundle, with and without what more scopes would allow."""

from typing import Any

import pytest

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.contract.authzen import Action, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from tests.snapshots import tool_path, tool_snapshot

POLICIES = b"""
@id("reading") permit(principal, action == Mcp::Action::"git/log", resource);
@id("writing") permit(principal, action == Mcp::Action::"git/push", resource)
  when { context.scopes.contains("git:write") };
@id("people") permit(principal == Mcp::User::"corp|root", action == Mcp::Action::"git/reset", resource)
  when { context.scopes.contains("git:write") };
@id("paying") permit(principal, action == Mcp::Action::"git/pay", resource);
@id("alone") permit(principal, action == Mcp::Action::"git/quiet", resource);
@id("not-beside") forbid(principal, action == Mcp::Action::"git/quiet", resource)
  when { context.scopes.contains("loud") };
"""
CATALOG = b"""
version: 1
servers:
  git: {tools: {pay: {scopes: [pay]}}}
"""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    names = ("log", "push", "reset", "pay", "quiet")
    schema: dict[str, Any] = {"type": "object"}
    snapshots = {tool_path("git", name): tool_snapshot({"name": name, "inputSchema": schema}) for name in names}
    return build({"policies/a.cedar": POLICIES, "policies/catalog.yaml": CATALOG, **snapshots}, max_age=5)


def search(bundle: Bundle, *, scopes: tuple[str, ...] = (), **properties: Any) -> list[str]:
    resource = ResourceKind("tool", {"offered": {}, **properties})
    request = ResourceSearchRequest(Subject("user", "corp|alice"), Action("tools/call"), resource, {"scopes": scopes})
    return [found.id for found in bundle.search(request, now=0.0).results]


def test_what_more_scopes_would_allow_is_found_where_it_is_searched(bundle: Bundle) -> None:
    assert search(bundle) == ["git/log", "git/quiet"]
    assert search(bundle, step_up=False) == ["git/log", "git/quiet"]
    assert search(bundle, step_up=True) == ["git/log", "git/pay", "git/push", "git/quiet"]


def test_what_no_scope_allows_is_not_found(bundle: Bundle) -> None:
    assert "git/reset" not in search(bundle, step_up=True)
    assert "git/quiet" not in search(bundle, step_up=True, scopes=("loud",))


def test_the_scopes_of_a_bundle_are_those_of_tools_and_policies(bundle: Bundle) -> None:
    assert bundle.scopes == {"git:write", "loud", "pay"}


@pytest.mark.parametrize("value", ["true", 1, None, {}])
def test_a_search_that_says_otherwise_what_it_wants_is_refused(bundle: Bundle, value: Any) -> None:
    with pytest.raises(Refused) as caught:
        search(bundle, step_up=value)
    assert caught.value.code is ReasonCode.REQUEST_INVALID
