"""Attributes of principals: declared by the claims mapping, seen by policies, held apart by decisions."""

from typing import Any

import pytest

from pdp.core.contract.authzen import Action, ResourceKind, ResourceSearchRequest
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.compile import check_policies, compile_policies
from pdp.core.engine.evaluate import Engine
from pdp.core.engine.residual.listing import Listing
from pdp.core.identity.attribute import AttributeType
from pdp.core.identity.mapping import IdentityMapping, IssuerEntry
from pdp.core.identity.source import Source
from tests.unit.engine.sample import CATALOG, NOON, call

MAPPING = IdentityMapping(
    attributes={str(kind).replace(" ", "_"): kind for kind in AttributeType},
    issuers={name: IssuerEntry(id=Source(("sub",))) for name in ("corp", "dev")},
)
GIVEN: dict[str, Any] = {
    "string": "a",
    "long": 7,
    "boolean": True,
    "decimal": "1.5000",
    "datetime": "2026-07-28T09:00:00.000Z",
    "ip": "10.1.2.3",
    "set_of_string": ["a", "b"],
    "set_of_long": [1, 2],
}
HOLDING = {
    "string": 'principal.string == "a"',
    "long": "principal.long > 6",
    "boolean": "principal.boolean",
    "decimal": 'principal.decimal.lessThan(decimal("1.6"))',
    "datetime": 'principal.datetime < datetime("2026-07-29")',
    "ip": 'principal.ip.isInRange(ip("10.0.0.0/8"))',
    "set_of_string": 'principal.set_of_string.contains("b")',
    "set_of_long": "principal.set_of_long == [2, 1]",
}


def _engine(condition: str, *, effect: str = "permit") -> Engine:
    text = f'@id("p") {effect} (principal, action, resource is Mcp::Tool) when {{ {condition} }};'
    text += '@id("q") permit (principal, action, resource);' if effect == "forbid" else ""
    return Engine(
        compile_policies({"policies/a.cedar": text.encode()}, catalog=CATALOG, mapping=MAPPING), catalog=CATALOG
    )


def _code(engine: Engine, properties: dict[str, Any]) -> ReasonCode:
    return engine.decide(call(properties=properties), now=NOON).code


@pytest.mark.parametrize("name", GIVEN)
def test_policies_see_an_attribute_of_each_type(name: str) -> None:
    engine = _engine(f"principal has {name} && {HOLDING[name]}")
    assert _code(engine, GIVEN) is ReasonCode.ALLOWED
    assert _code(engine, {}) is ReasonCode.NO_POLICY_ALLOWS


@pytest.mark.parametrize("name", GIVEN)
def test_a_list_is_of_what_could_be_called_under_the_same_attributes(name: str) -> None:
    text = f'@id("p") permit (principal, action, resource) when {{ principal has {name} && {HOLDING[name]} }};'
    compiled = compile_policies({"policies/a.cedar": text.encode()}, catalog=CATALOG, mapping=MAPPING)
    listing = Listing(compiled, catalog=CATALOG)

    def shown(properties: dict[str, Any]) -> list[str]:
        subject = call(properties=properties).subject
        asked = ResourceSearchRequest(subject, Action("tools/call"), ResourceKind("tool", {"offered": {}}))
        return listing.visible(asked, now=NOON)

    every = [tool.id for tool in CATALOG.tools()]
    assert [shown(GIVEN), shown({}), shown(GIVEN)] == [every, [], every]


@pytest.mark.parametrize("value", [None, [], {}, float("nan"), object])
@pytest.mark.parametrize("name", [name for name in GIVEN if not name.startswith("set")])
def test_a_value_of_another_type_is_no_request(name: str, value: Any) -> None:
    assert _code(_engine("true"), {name: value}) is ReasonCode.REQUEST_INVALID


@pytest.mark.parametrize(
    "properties",
    [
        {"surprise": "a"},
        {"email": "a@b"},
        {"long": True},
        {"long": 1.0},
        {"boolean": 1},
        {"string": "\ud800"},
        {"set_of_long": [1, True]},
        {"set_of_string": "a"},
        {"set_of_string": ["a"] * 1001},
        {"__entity": {"type": "Mcp::Group", "id": "corp|admins"}},
        {"string": {"__entity": {"type": "Mcp::Group", "id": "corp|admins"}}},
        {"mapping": 7},
    ],
)
def test_what_the_mapping_does_not_declare_or_type_so_is_no_request(properties: dict[str, Any]) -> None:
    engine = _engine("principal has string", effect="forbid")
    assert _code(engine, properties) is ReasonCode.REQUEST_INVALID


def test_subjects_that_differ_in_an_attribute_alone_are_decided_apart() -> None:
    engine = _engine("principal has long && principal.long == 1")
    codes = [_code(engine, {"long": number}) for number in (0, 1, 0, 1)]
    assert codes == [ReasonCode.NO_POLICY_ALLOWS, ReasonCode.ALLOWED] * 2


def test_a_subject_of_another_mapping_is_asked_for_again_and_nothing_of_it_is_held() -> None:
    engine = _engine("true")
    stale = engine.decide(call(properties={"mapping": "sha256:other"}), now=NOON)
    assert (stale.code, stale.holds.until < NOON) == (ReasonCode.BUNDLE_STALE, True)
    assert _code(engine, {"mapping": MAPPING.digest}) is ReasonCode.ALLOWED
    assert _code(engine, {}) is ReasonCode.ALLOWED


def test_a_search_for_a_subject_of_another_mapping_is_refused() -> None:
    listing = Listing(compile_policies({}, catalog=CATALOG, mapping=MAPPING), catalog=CATALOG)
    subject = call(properties={"mapping": "sha256:other"}).subject
    with pytest.raises(Refused) as refused:
        listing.visible(ResourceSearchRequest(subject, Action("tools/call"), ResourceKind("tool")), now=NOON)
    assert refused.value.code is ReasonCode.BUNDLE_STALE


def _problems(policy: str, mapping: IdentityMapping = MAPPING) -> list[str]:
    found = check_policies({"a.cedar": policy.encode()}, catalog=CATALOG, mapping=mapping)
    return [problem.message for problem in found]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("principal has lnog", "the claims mapping declares no attribute `lnog` of principals; did you mean `long`?"),
        ("principal has email && principal.email.x == 1", "the claims mapping declares no attribute `email`"),
        ('principal has long && principal.emial == "a"', "there is no attribute `emial`"),
        ("principal.long > 1", "`long` of `Mcp::Agent`, `Mcp::User` may be absent: write `has long &&` before it"),
        ('principal has long && principal.long == "a"', ""),
        ("context has actor && context.actor.long == 1", "may be absent"),
    ],
)
def test_policies_are_checked_against_the_declared_attributes(condition: str, message: str) -> None:
    found = _problems(f'@id("p") permit (principal, action, resource is Mcp::Tool) when {{ {condition} }};')
    assert [one for one in found if message in one] == found[:1]


@pytest.mark.parametrize("kind", ["Group", "Role", "User", "Agent", "Tenant"])
def test_a_literal_of_an_issuer_without_an_entry_is_an_error_with_a_suggestion(kind: str) -> None:
    entity = f'Mcp::{kind}::"crop|eng"'
    relation = "in" if kind in {"Group", "Role", "Tenant"} else "=="
    found = _problems(f'@id("p") permit (principal {relation} {entity}, action, resource is Mcp::Tool);')
    called = kind.lower()
    assert f"no {called} is called `crop|eng`: the claims mapping has no issuer `crop`; did you mean `corp`?" in found


def test_where_any_issuer_may_have_principals_any_alias_may_be_named() -> None:
    anyone = IdentityMapping(default=IssuerEntry(id=Source(("sub",))))
    policy = '@id("p") permit (principal in Mcp::Group::"crop|eng", action, resource is Mcp::Tool);'
    assert _problems(policy, anyone) == []
