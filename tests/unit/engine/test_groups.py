"""Policies over toolsets, tags and risk; scopes that tools need; tools that are not as approved."""

import dataclasses
from typing import Any

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.entries.entry import Entries, Selection, ServerEntry
from pdp.core.catalog.tool import Annotations, RiskLevel, Tool
from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.compile import compile_policies
from pdp.core.engine.evaluate import Decision, Engine, Holds
from pdp.core.engine.explain import Values
from pdp.core.engine.residual.listing import Listing
from tests.unit.engine.sample import NOON

_TEXT = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
CATALOG = Catalog(
    [
        Tool(
            server="erp",
            name="pay",
            pin="sha256:pay",
            input_schema=_TEXT,
            risk=RiskLevel.CRITICAL,
            toolsets=("finance", "writing"),
            tags=("money",),
            scopes=("erp.pay", "erp.use"),
        ),
        Tool(server="erp", name="report", pin="sha256:report", input_schema=_TEXT, toolsets=("finance",)),
        Tool(
            server="dev",
            name="build",
            pin="sha256:build",
            input_schema=_TEXT,
            trusted=True,
            toolsets=("lab",),
            annotations=Annotations(readOnlyHint=True),
        ),
    ],
    entries=Entries(
        servers={"erp": ServerEntry(), "dev": ServerEntry(trusted=True, tenant="c|t", unsafe_unpinned=True)},
        toolsets={"finance": Selection(("erp/*",)), "writing": Selection(("erp/pay",)), "lab": Selection(("dev/*",))},
        tags={"money": Selection(("erp/pay",)), "admin": Selection(("*/admin_*",))},
    ),
)
PERMIT = '@id("p") permit (principal, action in Mcp::Action::"tools/call", resource {0}) when {{ {1} }};'
ANY = PERMIT.format("", "true")
PAY = ("erp.pay", "erp.use")


def call(tool: str, *, digest: Any = None, scopes: tuple[str, ...] = PAY, **arguments: Any) -> EvaluationRequest:
    """A call of a tool that is offered with `digest`; None says nothing."""
    resource = Resource("tool", tool, {} if digest is None else {"digest": digest})
    context = {"arguments": {"to": "bob"} | arguments, "scopes": list(scopes)}
    return EvaluationRequest(Subject("user", "c|alice"), Action("tools/call"), resource, context)


def decide(policies: str, request: EvaluationRequest) -> Decision:
    compiled = compile_policies({"policies/a.cedar": acknowledged(policies)}, catalog=CATALOG)
    return Engine(compiled, catalog=CATALOG).decide(request, now=NOON)


def shown(policies: str, *, scopes: tuple[str, ...] = PAY, **properties: Any) -> list[str]:
    compiled = compile_policies({"policies/a.cedar": acknowledged(policies)}, catalog=CATALOG)
    subject, resource = Subject("user", "c|alice"), ResourceKind("tool", properties)
    asked = ResourceSearchRequest(subject, Action("tools/call"), resource, {"scopes": list(scopes)})
    return Listing(compiled, catalog=CATALOG).visible(asked, now=NOON)


def acknowledged(policies: str) -> bytes:
    known = '@acknowledge("always_matches never_matches shadowed argument_unknown")'
    return policies.replace("@id", f"{known} @id").encode()


@pytest.mark.parametrize(
    ("scope", "condition", "tools"),
    [
        ('in Mcp::Toolset::"finance"', "true", ["erp/pay", "erp/report"]),
        ('is Mcp::Tool in Mcp::Toolset::"writing"', "true", ["erp/pay"]),
        ('in Mcp::Tag::"money"', "true", ["erp/pay"]),
        ("", 'resource in Mcp::Toolset::"finance"', ["erp/pay", "erp/report"]),
        ("", 'resource in [Mcp::Toolset::"writing", Mcp::Toolset::"lab"]', ["dev/build", "erp/pay"]),
        ("", '!(resource in Mcp::Toolset::"writing")', ["dev/build", "erp/report"]),
        ("", 'resource.tags.contains("money")', ["erp/pay"]),
        ("", "resource.tags.isEmpty()", ["dev/build", "erp/report"]),
        ("", 'resource.risk == "critical"', ["erp/pay"]),
        ("", '["unrated", "low"].contains(resource.risk)', ["dev/build", "erp/report"]),
        ("", 'Mcp::Tool::"erp/pay" in Mcp::Tag::"money" && resource.server == "dev"', ["dev/build"]),
        ("", 'Mcp::Tool::"erp/pay".risk == "critical" && resource.server == "dev"', ["dev/build"]),
    ],
)
def test_policies_find_tools_by_toolset_tag_and_risk(scope: str, condition: str, tools: list[str]) -> None:
    policies = PERMIT.format(scope, condition)
    known = {tool.id: tool.pin for tool in CATALOG.tools()}
    allowed = [name for name, pin in known.items() if decide(policies, call(name, digest=pin)).code == "allowed"]
    assert allowed == tools
    assert [name for name in shown(policies, offered={}) if name in known] == [*tools]


def test_a_forbid_on_a_tag_holds_whichever_toolset_a_permit_came_by() -> None:
    forbid = '@id("f") forbid (principal, action, resource in Mcp::Tag::"money");'
    policies = PERMIT.format('in Mcp::Toolset::"finance"', "true") + forbid
    assert decide(policies, call("erp/pay", digest="sha256:pay")).code is ReasonCode.FORBIDDEN_BY_POLICY
    assert shown(policies, offered={}) == ["erp/report"]


def test_an_explanation_shows_the_toolsets_and_tags_of_the_tool() -> None:
    compiled = compile_policies({"policies/a.cedar": acknowledged(ANY)}, catalog=CATALOG)
    explained = Engine(compiled, catalog=CATALOG).explain(
        call("erp/pay", digest="sha256:pay"), now=NOON, values=Values.SHOWN
    )
    assert explained.slice is not None
    parents = {entity.entity: entity.parents for entity in explained.slice.entities}
    assert parents['Mcp::Tool::"erp/pay"'] == (
        'Mcp::Server::"erp"',
        'Mcp::Toolset::"finance"',
        'Mcp::Toolset::"writing"',
        'Mcp::Tag::"money"',
    )


FORBID_PAY = '@id("no-pay") forbid(principal, action == Mcp::Action::"erp/pay", resource);'


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        ((), "the bearer token lacks the required scopes `erp.pay`, `erp.use`"),
        (("erp.use", "other"), "the bearer token lacks the required scope `erp.pay`"),
    ],
)
def test_a_call_without_a_scope_that_its_tool_needs_is_denied_whatever_policies_say(
    scopes: tuple[str, ...], text: str
) -> None:
    request = call("erp/pay", digest="sha256:pay", scopes=scopes)
    expected = Decision(ReasonCode.SCOPE_MISSING, text, holds=Holds(vary=()), detail=text, scopes=PAY)
    assert decide(ANY, request) == expected
    forbidding = ANY + FORBID_PAY
    assert decide(forbidding, request) == dataclasses.replace(expected, policies=("no-pay",))
    compiled = compile_policies({"policies/a.cedar": acknowledged(ANY)}, catalog=CATALOG)
    explained = Engine(compiled, catalog=CATALOG).explain(request, now=NOON, values=Values.SHOWN)
    assert explained.decision == expected
    assert explained.slice is not None


def test_a_list_hides_what_needs_a_scope_that_is_missing_also_where_no_policy_reads_scopes() -> None:
    compiled = compile_policies({"policies/a.cedar": acknowledged(ANY)}, catalog=CATALOG)
    listing = Listing(compiled, catalog=CATALOG)

    def tools(*scopes: str) -> list[str]:
        resource = ResourceKind("tool", {"offered": {}})
        context = {"scopes": list(scopes)}
        asked = ResourceSearchRequest(Subject("user", "c|alice"), Action("tools/call"), resource, context)
        return listing.visible(asked, now=NOON)

    assert tools("erp.use") == ["dev/build", "erp/report"]
    assert tools("erp.use", "erp.pay") == ["dev/build", "erp/pay", "erp/report"]
    assert tools("erp.pay", "x") == ["dev/build", "erp/report"]


def test_more_scopes_than_the_tool_needs_change_nothing() -> None:
    request = call("erp/pay", digest="sha256:pay", scopes=(*PAY, "more"))
    assert decide(ANY, request).code is ReasonCode.ALLOWED


@pytest.mark.parametrize(
    ("tool", "digest", "condition"),
    [
        ("erp/report", "sha256:report", "resource.pinned"),
        ("erp/report", None, '!resource.pinned && resource.digest == "sha256:report"'),
        ("dev/build", "sha256:build", "resource.pinned && resource.readOnly"),
        ("dev/build", None, "!resource.pinned && !resource.readOnly && resource.destructive"),
        ("dev/build", "sha256:2", '!resource.pinned && !resource.readOnly && resource.digest == "sha256:2"'),
        ("dev/new", "sha256:2", '!resource.pinned && !resource.readOnly && resource.digest == "sha256:2"'),
        ("dev/new", None, '!resource.pinned && resource.digest == ""'),
        ("dev/new", "sha256:2", 'resource.risk == "unrated" && resource in Mcp::Toolset::"lab"'),
        ("dev/new", "sha256:2", 'resource in Mcp::Server::"dev" && resource in Mcp::Tenant::"c|t"'),
        ("dev/admin_new", "sha256:2", 'resource in Mcp::Tag::"admin"'),
        ("dev/new", "sha256:2", 'resource.name == "new" && action in Mcp::Action::"tools/call"'),
    ],
)
def test_policies_see_whether_a_tool_is_as_approved(tool: str, digest: str | None, condition: str) -> None:
    request = call(tool, digest=digest)
    assert decide(PERMIT.format("is Mcp::Tool", condition), request).code is ReasonCode.ALLOWED
    negated = PERMIT.format("is Mcp::Tool", f"!({condition})")
    assert decide(negated, request).code is ReasonCode.NO_POLICY_ALLOWS


@pytest.mark.parametrize(
    ("tool", "digest", "code"),
    [
        ("erp/report", "sha256:2", ReasonCode.TOOL_CHANGED),
        ("erp/report", "", ReasonCode.TOOL_CHANGED),
        ("erp/report", 7, ReasonCode.REQUEST_INVALID),
        ("erp/report", ["sha256:report"], ReasonCode.REQUEST_INVALID),
        ("dev/build", "x" * 129, ReasonCode.REQUEST_INVALID),
        ("dev/build", "\ud800", ReasonCode.REQUEST_INVALID),
        ("erp/new", "sha256:2", ReasonCode.TOOL_UNKNOWN),
        ("erp/new", None, ReasonCode.TOOL_UNKNOWN),
        ("dev/\u202enew", "sha256:2", ReasonCode.TOOL_UNKNOWN),
    ],
)
def test_what_is_not_as_approved_is_denied(tool: str, digest: object, code: ReasonCode) -> None:
    assert decide(ANY, call(tool, digest=digest)).code is code


def test_null_is_no_digest() -> None:
    request = EvaluationRequest(
        Subject("user", "c|alice"), Action("tools/call"), Resource("tool", "erp/report", {"digest": None})
    )
    assert decide(ANY, request).code is ReasonCode.REQUEST_INVALID


def test_a_tool_that_was_called_as_changed_is_so_where_a_policy_names_it() -> None:
    policies = PERMIT.format("", 'Mcp::Tool::"dev/build".pinned')
    assert decide(policies, call("dev/build", digest="sha256:2")).code is ReasonCode.NO_POLICY_ALLOWS
    assert decide(policies, call("dev/new", digest="sha256:2")).code is ReasonCode.ALLOWED


@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_a_policy_that_reads_an_argument_of_a_tool_nobody_approved_denies_the_call(effect: str) -> None:
    reading = f'@id("r") {effect} (principal, action, resource in Mcp::Server::"dev") when {{ {_reading()} }};'
    assert decide(ANY + reading, call("dev/new", digest="d")).code is ReasonCode.ARGUMENT_NOT_REPRESENTABLE


def _reading() -> str:
    return 'context has arguments && context.arguments has to && context.arguments.to == "bob"'


def test_a_list_has_what_is_offered_otherwise_than_approved_only_where_that_can_be_called() -> None:
    changed = {"erp/report": "sha256:2", "dev/build": "sha256:2", "dev/new": "sha256:3", "erp/new": "sha256:4"}
    assert shown(ANY, offered=changed) == ["dev/build", "dev/new", "erp/pay"]
    assert shown(PERMIT.format("is Mcp::Tool", "resource.pinned"), offered=changed) == ["erp/pay"]
    assert shown(PERMIT.format("is Mcp::Tool", "!resource.pinned"), offered=changed) == ["dev/build", "dev/new"]
    assert shown(ANY, offered={"erp/report": "sha256:report"}) == ["dev/build", "erp/pay", "erp/report"]


def test_where_nobody_looked_a_list_is_as_the_decisions_of_whoever_does_not_look() -> None:
    assert shown(PERMIT.format("is Mcp::Tool", "resource.pinned")) == []
    assert shown(PERMIT.format("is Mcp::Tool", "!resource.pinned")) == ["dev/build", "erp/pay", "erp/report"]
    assert shown(PERMIT.format("is Mcp::Tool", "!resource.pinned"), offered={}) == []


@pytest.mark.parametrize("offered", [None, [], {"dev/build": 1}, {"dev/build": "x" * 129}])
def test_a_list_that_is_told_no_digests_is_refused(offered: object) -> None:
    with pytest.raises(Exception, match="request_invalid"):
        shown(ANY, offered=offered)


def test_a_forbid_on_listing_hides_tools_that_nobody_approved_too() -> None:
    forbid = '@id("f") forbid (principal, action == Mcp::Action::"tools/list", resource == Mcp::Server::"dev");'
    assert shown(ANY + forbid, offered={"dev/new": "sha256:3"}) == ["erp/pay", "erp/report"]


def test_a_flood_of_unknown_tools_takes_no_room_from_approved_ones() -> None:
    compiled = compile_policies({"policies/a.cedar": acknowledged(ANY)}, catalog=CATALOG)
    engine = Engine(compiled, catalog=CATALOG)
    held = engine._slices
    assert engine.decide(call("erp/pay", digest="sha256:pay"), now=NOON).code is ReasonCode.ALLOWED
    for number in range(1_500):
        engine.decide(call(f"dev/n{number}", digest=f"sha256:{number}"), now=NOON)
        engine.decide(call("dev/build", digest=f"sha256:{number}"), now=NOON)
    assert (len(held._slices), len(held._stray_slices)) == (1, 256)
    assert len(held._called) <= 1_024
