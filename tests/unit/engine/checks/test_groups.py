"""Toolsets, tags and risks that nothing has, found when policies are compiled."""

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.entries.entry import Entries, Selection, ServerEntry
from pdp.core.catalog.tool import Mark, RiskLevel, Tool
from tests.unit.engine.checks.problems import STRING, found

TOOL = Tool(
    server="erp",
    name="pay",
    pin="sha256:1",
    input_schema={"type": "object", "properties": {"to": STRING}, "required": ["to"]},
    risk=RiskLevel.HIGH,
    toolsets=("finance",),
    tags=("money",),
)
CATALOG = Catalog([TOOL])
LOOSE = Catalog(
    [TOOL],
    entries=Entries(
        servers={"dev": ServerEntry(tenant="c|t", unsafe_unpinned=True)},
        toolsets={"lab": Selection(("dev/*",)), "finance": Selection(("erp/*",))},
    ),
)
CALL = 'action in Mcp::Action::"tools/call"'


def told(scope: str, condition: str = "true", *, catalog: Catalog = CATALOG) -> list[tuple[str, str, str]]:
    policy = f'@id("p") permit (principal, {CALL}, resource {scope}) when {{ {condition} }};'
    return [problem for problem in found(policy, catalog=catalog) if problem[0] != "always_matches"]


@pytest.mark.parametrize(
    ("scope", "condition", "pointed_at", "message"),
    [
        (
            'in Mcp::Toolset::"finanse"',
            "true",
            'Mcp::Toolset::"finanse"',
            "there is no toolset `finanse` in the catalog; did you mean `finance`?",
        ),
        ('in Mcp::Tag::"x"', "true", 'Mcp::Tag::"x"', "there is no tag `x` in the catalog"),
        ("", 'resource in Mcp::Tag::"x"', 'Mcp::Tag::"x"', "there is no tag `x` in the catalog"),
        ("", 'resource.risk == "hihg"', '"hihg"', "there is no risk `hihg`; did you mean `high`?"),
        ("", '"hihg" != resource.risk', '"hihg"', "there is no risk `hihg`; did you mean `high`?"),
        ("", '["high", "top"].contains(resource.risk)', '"top"', "there is no risk `top`"),
        ("", 'Mcp::Tool::"erp/pay".risk == "HIGH"', '"HIGH"', "there is no risk `HIGH`"),
        ("", 'resource.risk like "crit"', 'resource.risk like "crit"', "no risk matches this pattern"),
        (
            "",
            'resource.tags.contains("mony")',
            '"mony"',
            "no tool in the catalog has the tag `mony`; did you mean `money`?",
        ),
        ("", 'resource.tags.containsAny(["money", "x"])', '"x"', "no tool in the catalog has the tag `x`"),
    ],
)
def test_a_name_that_nothing_has_is_told_where_it_stands(
    scope: str, condition: str, pointed_at: str, message: str
) -> None:
    assert told(scope, condition) == [("name_unknown", pointed_at, message)]


@pytest.mark.parametrize(
    ("scope", "condition"),
    [
        ('in Mcp::Toolset::"finance"', 'context.arguments.to == "bob"'),
        ('is Mcp::Tool in Mcp::Tag::"money"', 'context.arguments.to == "bob"'),
        ("", '["high", "critical"].contains(resource.risk)'),
        ("", 'resource.risk like "h*"'),
        ("", 'resource.tags.contains("money") && resource.name == "hihg"'),
    ],
)
def test_what_the_catalog_has_is_fine(scope: str, condition: str) -> None:
    assert told(scope, condition) == []


def test_arguments_are_looked_for_in_the_tools_of_the_toolset() -> None:
    (problem,) = told('in Mcp::Toolset::"finance"', "context.arguments has too")
    assert problem[0] == "argument_unknown"


@pytest.mark.parametrize(
    "scope",
    ['in Mcp::Server::"dev"', 'in Mcp::Toolset::"lab"', 'in Mcp::Tenant::"c|t"', 'is Mcp::Tool in Mcp::Server::"dev"'],
)
def test_policies_may_be_about_tools_that_nobody_approved_where_such_may_be_called(scope: str) -> None:
    assert told(scope, "resource.pinned", catalog=LOOSE) == []


def test_a_forbid_on_approved_tools_does_not_cover_a_permit_of_others() -> None:
    permit = f'@id("p") permit (principal, {CALL}, resource) when {{ resource.pinned }};'
    forbid = f'@id("f") forbid (principal, {CALL}, resource in Mcp::Toolset::"finance");'
    assert [code for code, *_ in found(permit + forbid, catalog=CATALOG)] == ["shadowed"]
    assert found(permit + forbid, catalog=LOOSE) == []


_SHIPPED = {"type": "object", "properties": {"to": STRING, "note": STRING}, "required": ["to", "note"]}


@pytest.mark.parametrize(("key", "codes"), [("/box/to", []), ("/box/note", ["like_unmarked"])])
def test_a_pattern_on_a_part_of_an_argument_needs_the_mark_of_that_part(key: str, codes: list[str]) -> None:
    schema = {"type": "object", "properties": {"box": _SHIPPED}, "required": ["box"]}
    catalog = Catalog([Tool(server="erp", name="ship", pin="sha256:1", input_schema=schema, marks={key: Mark.HOST})])
    assert [code for code, *_ in told("", 'context.arguments.box.to like "*.example"', catalog=catalog)] == codes
