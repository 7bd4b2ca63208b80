"""What we read equals what Cedar's own reader builds, and every node of it has its place."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from pdp.core.engine import cedar
from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.parser import Parsed, parse
from pdp.core.engine.syntax.source import statements

CONDITIONS = [
    "true || false && true || false",
    "1 + 2 * 3 - 4 * 5 == 6",
    "1 - 2 - 3 <= 4",
    "1 - -1 == 2",
    "1---1 == 2",
    "(1 == 1) == true",
    "true && (true && true)",
    "!true == !!!!false",
    "-1 == - 1",
    "--1 == -(1)",
    '-context.a == -context["a"]',
    "-9223372036854775808 < 9223372036854775807",
    "007 == 7",
    "-1.a == 1",
    "1 != 2",
    "1 > 2",
    "1 >= 2",
    'principal in [resource, Mcp::Group::"staff",]',
    "principal in principal.groups",
    "principal is User",
    'principal is Mcp::User in Mcp::Group::"staff"',
    "principal is Mcp::User in [resource].first + 1 && true",
    "principal is principal",
    "context has a",
    "context has a.b.c && true",
    'context has "a.b"',
    'context has "if"',
    "context.x.y has permit.when.principal",
    "true has b",
    'context.a like "a*\\*\\u{2a}\\x2a**"',
    'context.a like ""',
    'context["a b"].c["if"] == 1',
    "context.contains.contains(1)",
    "context.a.isEmpty()",
    'principal.hasTag("x") && principal.getTag("x") == 1',
    "[1].containsAll([1, 2]) || [1].containsAny([])",
    'ip("10.0.0.1").isInRange(ip("10.0.0.0/8")) && ip("::1").isLoopback()',
    'ip("::1").isIpv4() || ip("::1").isIpv6() || ip("::1").isMulticast()',
    'decimal("1.0").lessThan(decimal("2.0"))',
    'decimal("1.0").lessThanOrEqual(decimal("2.0")) && decimal("1.0").greaterThan(decimal("2.0"))',
    'decimal("1.0").greaterThanOrEqual(decimal("2.0"),)',
    'datetime("2024-01-01").offset(duration("1d")).toDate().toTime() == duration("0s")',
    'datetime("2024-01-01").durationSince(context.now).toMilliseconds() == 1',
    'duration("1d").toSeconds() == duration("1d").toMinutes()',
    'duration("1d").toHours() == duration("1d").toDays()',
    "if true then if false then 1 else 2 else 3 + 4",
    "(if true then false else true) && true",
    "[if true then 1 else 2, 3] == {a: if true then 1 else 2}",
    '{a: 1, "b c": {}, principal: [],}.a == 1',
    '"text\\n\\t\\r\\0\\\\\\"\\\'\\x41\\u{1F600}\\u{0_0_41}" == "two\nlines"',
    '"café ☃ 😀" == "\u202e"',
    'User::"a".b == principal :: "c"',
    'a :: b :: c::"d" == when::"e"',
    "((((true))))",
    'principal == resource // a comment with ; and " and }\n && true',
    "true\r\n&&\u00a0\u2028true",
]
SCOPES = [
    "principal, action, resource",
    "principal, action, resource,",
    'principal == User::"a", action == Action::"b", resource == Tool::"c"',
    'principal in Group::"a", action in Action::"b", resource in Server::"c"',
    'principal is User, action in [], resource is Mcp::Tool in Mcp::Server::"c"',
    'principal, action in [Mcp::Action::"a", (Action::"b"),], resource',
    'principal == ((User::"a")), action in ([Action::"b"]), resource in (?resource)',
    "principal == ?principal, action, resource == ?resource",
    "principal is User in ?principal, action, resource is Tool",
]
POLICIES = [
    *(f"permit(principal, action, resource) when {{ {condition} }};" for condition in CONDITIONS),
    *(f"forbid({scope}) unless {{ true }};" for scope in SCOPES),
    "permit(principal,action,resource)when{true}unless{false}when{1==1};",
    '@id("a")@if("b\\n")@note@__cedar("")\nforbid(principal, action, resource);',
]


def nodes(value: object) -> Iterator[object]:
    if is_dataclass(value) and not isinstance(value, pst.Char | pst.Wildcard):
        yield value
        for field in fields(value):
            yield from nodes(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from nodes(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from nodes(item)


def excerpt(text: str, parsed: Parsed, node: object) -> str:
    span = parsed.span(node)
    assert span is not None
    return text[span.start : span.end]


@pytest.mark.parametrize("text", POLICIES)
def test_a_policy_is_read_as_cedar_reads_it(text: str) -> None:
    assert replace(cedar.read_tree(text), id="") == parse(text).tree


@pytest.mark.parametrize("text", POLICIES)
def test_every_node_has_its_place_within_that_of_the_node_around_it(text: str) -> None:
    parsed = parse(text)
    for outer in nodes(parsed.tree):
        around = parsed.span(outer)
        assert around is not None
        for inner in nodes(outer):
            within = parsed.span(inner)
            assert within is not None
            assert around.start <= within.start < within.end <= around.end


def test_places_are_those_of_the_words_as_written() -> None:
    text = """@id("a") // who
permit(principal is User in ?principal, action in [Action::"a", (Action :: "b")], resource)
when { (context.a + 1) * -2 == 3 && principal.x["y"].contains(!true) }
unless { context has b.c };"""
    parsed = parse(text)
    tree = parsed.tree
    principal, action = tree.principal, tree.action
    assert isinstance(principal, pst.ScopeIsIn)
    assert isinstance(action, pst.ActionIn)
    comparison, call = (getattr(tree.clauses[0].expr, side) for side in ("left", "right"))
    found = [
        *(excerpt(text, parsed, node) for node in (principal, principal.entity_type, principal.entity)),
        *(excerpt(text, parsed, node) for node in (action, *action.entities, tree.resource)),
        *(excerpt(text, parsed, node) for node in (comparison.left, comparison.left.left, comparison.left.right)),
        *(excerpt(text, parsed, node) for node in (call, call.left, call.left.base, call.right)),
        excerpt(text, parsed, tree.clauses[1]),
    ]
    assert found == [
        *("principal is User in ?principal", "User", "?principal"),
        *('action in [Action::"a", (Action :: "b")]', 'Action::"a"', 'Action :: "b"', "resource"),
        *("(context.a + 1) * -2", "context.a + 1", "-2"),
        *('principal.x["y"].contains(!true)', 'principal.x["y"]', "principal.x", "!true"),
        "unless { context has b.c }",
    ]


def test_annotations_have_places_by_name() -> None:
    text = '@id("a")\n@note permit(principal, action, resource);'
    parsed = parse(text)
    spans = [parsed.annotation_span(name) for name in ("id", "note", "owner")]
    assert [text[span.start : span.end] if span else None for span in spans] == ['@id("a")', "@note", None]


def test_only_the_trees_own_nodes_have_places() -> None:
    parsed = parse("permit(principal, action, resource) when { true };")
    assert parsed.span(pst.BoolLit(value=True)) is None
    assert parsed.span(parse("permit(principal, action, resource) when { true };").tree) is None


def test_the_example_policies_are_read_as_cedar_reads_them(root: Path) -> None:
    files = sorted((root / "policies").glob("*.cedar"))
    texts = [one.text for file in files for one in statements(file.read_text(), file=file.name)]
    assert len(texts) > len(files)
    assert [replace(cedar.read_tree(text), id="") for text in texts] == [parse(text).tree for text in texts]
