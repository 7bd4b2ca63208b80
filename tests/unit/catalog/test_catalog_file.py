"""`catalog.yaml` with snapshots: what tools get from it, and every way in which it would say nothing."""

import msgspec
import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.reading import read_catalog
from pdp.core.catalog.tool import Mark, RiskLevel, Tool, Undeclared
from pdp.core.contract.errors import ConfigurationError
from pdp.core.contract.record_terms import Recording
from tests.snapshots import tool_path, tool_snapshot

_TEXT = {"type": "string"}
TOOLS = {
    "billing": {"pay": {"to": _TEXT, "amount": {"type": "integer"}}, "list": {}, "debug": {}},
    "crm": {"find": {"name": _TEXT}, "export": {"name": _TEXT, "path": _TEXT}},
}


def read(yaml: str) -> Catalog:
    snapshots = {
        tool_path(server, name): tool_snapshot(
            {"name": name, "inputSchema": {"type": "object", "properties": declared}}
        )
        for server, tools in TOOLS.items()
        for name, declared in tools.items()
    }
    return read_catalog(f"version: 1\n{yaml}".encode(), file="catalog.yaml", snapshots=snapshots)


def tool(yaml: str, tool_id: str) -> Tool:
    found = read(yaml).find(tool_id)
    assert found is not None
    return found


def problems(yaml: str) -> list[tuple[int, str]]:
    """The line, counted from the first after `version`, and the code of each problem."""
    with pytest.raises(ConfigurationError) as refused:
        read(yaml)
    return [(problem.line - 1, problem.code) for problem in refused.value.problems]


def message(yaml: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read(yaml)
    (problem,) = refused.value.problems
    return problem.message


def test_toolsets_and_tags_have_the_tools_that_their_globs_match() -> None:
    yaml = """
toolsets:
  money: {tools: ["billing/*", "crm/exp?rt"], except: ["*/debug"]}
  all: ["*/*"]
tags: {pii: ["crm/*"]}
"""
    found = {each.id: (each.toolsets, each.tags) for each in read(yaml).tools()}
    assert found == {
        "billing/debug": (("all",), ()),
        "billing/list": (("all", "money"), ()),
        "billing/pay": (("all", "money"), ()),
        "crm/export": (("all", "money"), ("pii",)),
        "crm/find": (("all",), ("pii",)),
    }


def test_an_exact_name_wins_over_globs_and_globs_over_the_server() -> None:
    yaml = """
servers:
  billing:
    risk: low
    owners: [team-a]
    undeclared: allow
    tools:
      "*": {risk: medium, owners: [team-b], undeclared: refuse}
      pay: {risk: critical, undeclared: allow}
"""
    pay, listing = tool(yaml, "billing/pay"), tool(yaml, "billing/list")
    assert (pay.risk, pay.owners, pay.undeclared) == (RiskLevel.CRITICAL, ("team-b",), Undeclared.ALLOW)
    assert (listing.risk, listing.owners, listing.undeclared) == (RiskLevel.MEDIUM, ("team-b",), Undeclared.REFUSE)


def test_what_the_server_says_is_for_all_its_tools() -> None:
    found = tool("servers: {billing: {trusted: true, tenant: c|t, owners: [a, b], risk: high}}", "billing/pay")
    assert (found.trusted, found.tenant, found.owners, found.risk) == (True, "c|t", ("a", "b"), RiskLevel.HIGH)


def test_a_tool_of_which_nothing_is_said_is_unrated_and_refuses_what_it_does_not_declare() -> None:
    found = tool("", "billing/pay")
    assert (found.risk, found.undeclared, found.scopes) == (RiskLevel.UNRATED, Undeclared.REFUSE, ())


def test_scopes_of_server_globs_and_names_add_up() -> None:
    yaml = "servers: {billing: {scopes: [b, a], tools: {'p*': {scopes: [c]}, '*': {scopes: [a]}, pay: {scopes: [d]}}}}"
    assert tool(yaml, "billing/pay").scopes == ("a", "b", "c", "d")
    assert tool(yaml, "billing/list").scopes == ("a", "b")


def test_marks_of_globs_and_names_are_joined_and_given_to_those_that_have_the_argument() -> None:
    yaml = """
servers:
  crm:
    tools:
      "*": {arguments: {name: secret, path: path}}
      export: {arguments: {name: host}}
"""
    assert tool(yaml, "crm/find").marks == {"name": Mark.SECRET}
    assert tool(yaml, "crm/export").marks == {"name": Mark.HOST, "path": Mark.PATH}


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("servers:\n  billing: {tools: {'*x': {}}}", [(2, "glob_matches_nothing")]),
        ("servers:\n  billing: {tools: {'a\\': {}}}", [(2, "glob_invalid")]),
        ("toolsets:\n  a:\n    - billing/*\n    - biling/*", [(4, "glob_matches_nothing")]),
        ("toolsets:\n  a:\n    - billing", [(3, "glob_invalid")]),
        ("toolsets:\n  a: []", [(2, "toolset_empty")]),
        ("tags:\n  a: {tools: []}", [(2, "tag_empty")]),
        ("toolsets:\n  a:\n    tools: [billing/*]\n    except: ['*/*']", [(2, "toolset_empty")]),
        ("toolsets:\n  a:\n    tools: [billing/*]\n    except: [crm/find]", [(4, "glob_matches_nothing")]),
        ("toolsets:\n  '': [billing/*]", [(2, "name_invalid")]),
        ('tags:\n  "a\\tb": [billing/*]', [(2, "name_invalid")]),
        ("toolsets:\n  a: {tools: [billing/*], exept: []}", [(2, "catalog_invalid")]),
        ("toolsets:\n  a: {except: [billing/*]}", [(2, "catalog_invalid")]),
        ("toolsets:\n  a: billing/*", [(2, "catalog_invalid")]),
        ("toolsets:\n  a: [1]", [(2, "catalog_invalid")]),
        ("servers:\n  billing: {risk: extreme}", [(2, "catalog_invalid")]),
        ("servers:\n  billing: {scopes: ['']}", [(2, "catalog_invalid")]),
        ("servers:\n  billing: {owners: team}", [(2, "catalog_invalid")]),
        ("servers:\n  billing: {undeclared: maybe}", [(2, "catalog_invalid")]),
        ("servers:\n  tools: {unsafe_unpinned: true}", [(2, "server_invalid")]),
        ("servers:\n  biling: {}", [(2, "server_unknown")]),
        ("servers:\n  crm: {tools: {'*': {arguments: {nam: host}}}}", [(2, "argument_unknown")]),
        ("servers:\n  billing: {tools: {'p*': {arguments: {amount: path}}}}", [(2, "mark_unfit")]),
    ],
)
def test_what_would_say_nothing_is_told_with_its_line(yaml: str, expected: list[tuple[int, str]]) -> None:
    assert problems(yaml) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{risk: low}", "{risk: high}"),
        ("{owners: [a]}", "{owners: [a, b]}"),
        ("{undeclared: allow}", "{undeclared: refuse}"),
        ("{arguments: {to: host}}", "{arguments: {to: secret}}"),
    ],
)
def test_two_globs_that_contradict_each_other_are_a_problem_unless_a_name_settles_it(first: str, second: str) -> None:
    yaml = f"servers:\n  billing:\n    tools:\n      'p*': {first}\n      '*y': {second}\n"
    assert problems(yaml) == [(5, "entries_contradict")]
    settled = f"{yaml}      pay: {second}\n"
    assert tool(settled, "billing/pay") == tool(f"servers: {{billing: {{tools: {{pay: {second}}}}}}}", "billing/pay")


def test_one_name_written_in_two_ways_does_not_say_two_things() -> None:
    yaml = "servers:\n  billing:\n    tools:\n      pay: {risk: low}\n      'p\\ay': {risk: high}\n"
    assert problems(yaml) == [(5, "entries_contradict")]


def test_every_problem_of_the_file_is_told_at_once() -> None:
    yaml = """
servers:
  billing:
    trustd: true
    risk: extreme
    tools:
      pay: {arguments: {to: hst}, owner: [a]}
toolsets:
  a: [b]
  c: []
tag: {}
"""
    assert problems(yaml) == [
        (4, "catalog_invalid"),
        (5, "catalog_invalid"),
        (7, "catalog_invalid"),
        (7, "catalog_invalid"),
        (9, "glob_invalid"),
        (10, "toolset_empty"),
        (11, "catalog_invalid"),
    ]


def test_a_mistyped_key_is_answered_with_the_one_that_may_be_meant() -> None:
    assert message("servers: {billing: {trustd: true}}") == "`trustd` means nothing here; did you mean `trusted`?"


def test_of_a_server_that_may_offer_anything_entries_can_be_for_tools_that_nobody_knows() -> None:
    yaml = """
servers: {dev: {unsafe_unpinned: true, tools: {"admin_*": {scopes: [admin]}, later: {risk: low}}}}
toolsets: {lab: ["dev/*"]}
"""
    found = read(yaml)
    assert (found.unpinned_servers, found.toolsets) == (frozenset({"dev"}), frozenset({"lab"}))
    assert "dev" in found.servers()


def test_a_catalog_comes_back_from_its_wire_form_as_it_was() -> None:
    found = read(
        "servers: {crm: {unsafe_unpinned: true, scopes: [a]}}\ntoolsets: {a: {tools: ['crm/*'], except: [crm/find]}}"
    )
    back = Catalog.from_json(found.to_json())
    assert (list(back.tools()), back.entries, back.digest) == (list(found.tools()), found.entries, found.digest)
    assert back.resolve("crm/new", offered="d") == found.resolve("crm/new", offered="d")


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"tools": [{"server": "a", "name": "b", "pin": "c", "input_schema": {}, "more": 1}]},
        {"tools": [{"server": "a", "name": "b", "pin": "c", "input_schema": {}, "pinned": False}]},
        {"tools": [{"server": "a", "name": "b", "pin": "c", "input_schema": {}, "offered": "d"}]},
        {"tools": [{"server": "a", "name": "b", "pin": "c", "input_schema": {}}] * 2},
        {"entries": {"servers": {"a": {"unsafe_unpined": True}}}},
        {"entries": {"toolsets": {"a": {"tools": ["no slash"]}}}},
        {"entries": {"servers": {"a": {"tools": {"\\": {}}}}}},
        {"tools": None},
    ],
)
def test_a_wire_form_with_anything_else_in_it_is_refused(change: dict[str, object]) -> None:
    wire = {"tools": [], "entries": {}} | change
    with pytest.raises(msgspec.MsgspecError):
        Catalog.from_json(msgspec.json.encode(wire))


def test_the_digest_covers_what_is_said_of_tools_that_nobody_knows() -> None:
    one, other = read("servers: {crm: {unsafe_unpinned: true}}"), read("servers: {crm: {unsafe_unpinned: false}}")
    assert one.digest != other.digest


NESTED = {
    "files": {"type": "array", "items": {"type": "object", "properties": {"path": _TEXT, "size": {"type": "integer"}}}}
}


def nested(marks: str) -> Catalog:
    definition = {"name": "put", "inputSchema": {"type": "object", "properties": NESTED}}
    yaml = f"version: 1\nservers:\n  box:\n    tools:\n      '*': {{arguments: {marks}}}\n"
    return read_catalog(yaml.encode(), file="c", snapshots={tool_path("box", "put"): tool_snapshot(definition)})


@pytest.mark.parametrize("key", ["/files/*/path", "/files/0/path"])
def test_a_mark_may_be_for_a_place_inside_an_argument(key: str) -> None:
    (found,) = nested(f"{{'{key}': path}}").tools()
    assert found.marks == {key: Mark.PATH}


def test_a_pointer_to_an_argument_is_its_name() -> None:
    (found,) = nested("{/files: secret}").tools()
    assert found.marks == {"files": Mark.SECRET}


@pytest.mark.parametrize(
    ("marks", "code"),
    [
        ("{'/files/*/pth': path}", "argument_unknown"),
        ("{'/files/path': path}", "argument_unknown"),
        ("{'/file/*/path': path}", "argument_unknown"),
        ("{'/files/*/size': path}", "mark_unfit"),
        ("{'/files/*': path}", "mark_unfit"),
        ("{'/files/~2': path}", "argument_invalid"),
        ("{'/files': secret, files: path}", "entries_contradict"),
    ],
)
def test_a_mark_for_a_place_that_is_not_there_is_a_problem(marks: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        nested(marks)
    assert [(problem.line, problem.code) for problem in refused.value.problems] == [(5, code)]


def test_hidden_text_is_let_through_only_where_the_catalog_says_so() -> None:
    definition = {"name": "put", "description": "puts\u200b", "inputSchema": {"type": "object"}}
    snapshots = {tool_path("box", "put"): tool_snapshot(definition)}
    with pytest.raises(ConfigurationError) as refused:
        read_catalog(b"version: 1\n", file="c", snapshots=snapshots)
    assert [problem.code for problem in refused.value.problems] == ["definition_refused"]
    loose = b"version: 1\nservers: {box: {unsafe_hidden_text: true}}\n"
    assert [tool.id for tool in read_catalog(loose, file="c", snapshots=snapshots).tools()] == ["box/put"]


RECORDED = """
servers:
  crm:
    record: hash
    tools:
      "*": {record_arguments: {name: hash, path: hash}}
      export: {record_arguments: {/name: drop, path: keep}}
      find: {record: drop}
  billing: {tools: {pay: {record: keep}, "*": {record: hash}}}
"""


def test_the_strictest_of_all_that_is_said_to_the_record_counts_whoever_says_it() -> None:
    assert tool(RECORDED, "crm/export").record is Recording.HASH
    assert tool(RECORDED, "crm/export").record_arguments == {"name": Recording.DROP, "path": Recording.HASH}
    assert tool(RECORDED, "crm/find").record is Recording.DROP
    assert tool(RECORDED, "crm/find").record_arguments == {"name": Recording.HASH}
    assert tool(RECORDED, "billing/pay").record is Recording.HASH
    assert tool("", "billing/pay").record is Recording.KEEP


def test_what_is_said_to_the_record_reaches_enforcers() -> None:
    catalog = read(RECORDED)
    assert Catalog.from_json(catalog.to_json()).find("crm/export") == catalog.find("crm/export")
    assert catalog.digest != read("").digest


def test_of_a_tool_that_nobody_approved_what_is_said_to_the_record_counts_too() -> None:
    yaml = 'servers: {crm: {unsafe_unpinned: true, record: hash, tools: {"*": {record_arguments: {name: drop}}}}}\n'
    stray = read(yaml).resolve("crm/new", offered="sha256:1")
    assert (stray.record, stray.record_arguments) == (Recording.HASH, {"name": Recording.DROP})


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("{record: mask}", "catalog_invalid"),
        ("{record_arguments: {name: secret}}", "catalog_invalid"),
        ("{record_arguments: {other: hash}}", "argument_unknown"),
        ("{record_arguments: {/name/~2: hash}}", "argument_invalid"),
    ],
)
def test_what_says_nothing_to_the_record_is_a_problem(entry: str, code: str) -> None:
    assert problems(f"servers: {{crm: {{tools: {{find: {entry}}}}}}}\n") == [(1, code)]
