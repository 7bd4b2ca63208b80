from typing import Any

import pytest

from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.tool import Mark, Tool, Undeclared
from pdp.core.contract.errors import ArgumentsError
from pdp.core.contract.reason_code import ReasonCode

PROPERTIES: dict[str, Any] = {
    "path": {"type": "string", "pattern": "^in(/|$)"},
    "paths": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    "key": {"type": "string"},
    "count": {"type": "integer", "minimum": 1},
    "url": {"type": ["string", "null"]},
    "hosts": {"type": "array", "items": {"type": ["string", "array", "object"]}},
}
MARKS = {"path": Mark.PATH, "paths": Mark.PATH, "key": Mark.SECRET, "url": Mark.URL, "hosts": Mark.HOST}


def tool(pin: str = "sha256:1", **schema: Any) -> Tool:
    full = {"type": "object", "properties": PROPERTIES, **schema}
    return Tool(server="box", name="put", pin=pin, input_schema=full, marks=MARKS)


def refusal(arguments: dict[str, Any], *, of: Tool | None = None) -> str:
    with pytest.raises(ArgumentsError) as caught:
        ArgumentChecker().check(of or tool(), arguments)
    assert caught.value.code is ReasonCode.ARGUMENTS_INVALID
    return caught.value.caller_text


def test_a_marked_path_is_brought_to_one_form_before_the_schema_sees_it() -> None:
    checked = ArgumentChecker().check(tool(), {"path": "out/../in//%61/.", "paths": ["./a", "b/../c"], "count": 1})
    assert checked == {"path": "in/a", "paths": ["a", "c"], "count": 1}


def test_a_path_that_is_not_marked_stays_as_it_is() -> None:
    assert ArgumentChecker().check(tool(), {"key": "a/../b"}) == {"key": "a/../b"}


def test_urls_and_hosts_are_brought_to_one_form_in_lists_of_lists_too() -> None:
    hosts = ["EXAMPLE.com.", ["::0001", ["b\u00fccher.example"]], {"name": "EXAMPLE.com"}]
    assert ArgumentChecker().check(tool(), {"url": "HTTPS://Example.com:443/a/../b", "hosts": hosts}) == {
        "url": "https://example.com/b",
        "hosts": ["example.com", ["::1", ["xn--bcher-kva.example"]], {"name": "EXAMPLE.com"}],
    }
    assert ArgumentChecker().check(tool(), {"url": None}) == {"url": None}


def test_a_url_or_host_that_could_be_read_in_two_ways_is_refused_by_its_rule() -> None:
    assert refusal({"url": "http://a@b/"}) == "invalid arguments: `url`: the URL has a user or password"
    assert refusal({"hosts": ["a", ["fe80::1%eth0"]]}) == "invalid arguments: `hosts`: the host has a zone"


@pytest.mark.parametrize("path", ["../in", "in/../../etc", "in%2f..%2f..%2fetc", "in\\a", "in/%2561", "~root", ""])
def test_a_path_that_could_be_read_in_two_ways_is_refused(path: str) -> None:
    assert refusal({"path": path}).startswith("invalid arguments: `path`: ")


def test_one_such_path_in_a_list_refuses_the_list() -> None:
    assert refusal({"paths": ["a", "../b"]}) == "invalid arguments: `paths`: the path climbs above its start"


def test_what_is_not_text_is_left_to_the_schema() -> None:
    assert refusal({"path": 1}) == "invalid arguments: `/path` breaks `type`"


def test_an_undeclared_argument_is_refused_even_where_the_schema_allows_more() -> None:
    assert refusal({"other": 1}, of=tool(additionalProperties=True)) == "invalid arguments: `other` is not declared"


def test_a_refusal_names_place_and_rule_and_never_the_value() -> None:
    assert refusal({"count": -17}) == "invalid arguments: `/count` breaks `minimum`"
    assert refusal({"paths": ["a", 12345678]}) == "invalid arguments: `/paths/1` breaks `type`"


def test_many_violations_are_told_in_short() -> None:
    names = {f"n{number}": 1 for number in range(9)}
    assert refusal(names).endswith("; and 4 more")


def test_a_name_with_control_characters_is_shown_without_them() -> None:
    assert refusal({"a\x1b[31m\n": 1}) == "invalid arguments: `a?[31m?` is not declared"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/schema.json"},
        {"allOf": [{"$ref": "file:///etc/passwd"}]},
        {"type": "nonsense"},
    ],
)
def test_a_schema_that_cannot_be_used_refuses_every_call(schema: dict[str, Any]) -> None:
    assert refusal({}, of=tool(**schema)) == "the tool's approved schema cannot be used"


def test_two_definitions_of_a_tool_are_checked_each_by_its_own_schema() -> None:
    checker = ArgumentChecker()
    strict = tool("sha256:2", required=["key"])
    assert checker.check(tool(), {}) == {}
    with pytest.raises(ArgumentsError):
        checker.check(strict, {})


FILE: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}, "free": {"type": "object"}}}
NESTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": {"$ref": "#/$defs/file"},
        "files": {"type": "array", "items": {"$ref": "#/$defs/file"}},
        "either": {"anyOf": [{"$ref": "#/$defs/file"}, {"type": "string"}]},
    },
    "$defs": {"file": FILE},
}


def plain(
    schema: dict[str, Any], *, undeclared: Undeclared = Undeclared.REFUSE, marks: dict[str, Mark] | None = None
) -> Tool:
    return Tool(server="box", name="put", pin="p", input_schema=schema, marks=marks or {}, undeclared=undeclared)


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({"file": {"path": "a", "s3cret": 1}}, "/file/s3cret"),
        ({"files": [{"path": "a"}, {"s3cret": 1}]}, "/files/1/s3cret"),
        ({"either": {"s3cret": 1}}, "/either/s3cret"),
        ({"s3cret": 1, "file": {"path": "a"}}, "s3cret"),
    ],
)
def test_an_undeclared_member_of_any_record_is_refused_by_its_path(arguments: dict[str, Any], place: str) -> None:
    assert refusal(arguments, of=plain(NESTED)) == f"invalid arguments: `{place}` is not declared"
    allowing = plain(NESTED, undeclared=Undeclared.ALLOW)
    assert ArgumentChecker().check(allowing, arguments) == arguments


def test_objects_that_are_free_in_form_are_not_looked_into() -> None:
    arguments = {"file": {"free": {"any": {"thing": 1}}}, "either": "text"}
    assert ArgumentChecker().check(plain(NESTED), arguments) == arguments


def test_what_the_schema_itself_forbids_is_refused_where_the_catalog_allows_the_undeclared() -> None:
    closed = plain({"type": "object", "properties": {}, "additionalProperties": False}, undeclared=Undeclared.ALLOW)
    assert refusal({"x": 1}, of=closed) == "invalid arguments: `/` breaks `additionalProperties`"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/file", "$defs": {"file": FILE}},
        {"allOf": [{"$ref": "#/$defs/file"}, {"required": ["path"]}], "$defs": {"file": FILE}},
        {"type": "object", "patternProperties": {"^p": {"type": "string"}}},
        {"type": "object", "patternProperties": {"^(?!x)": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ],
)
def test_what_is_declared_is_so_wherever_the_schema_says_it(schema: dict[str, Any]) -> None:
    assert ArgumentChecker().check(plain(schema), {"path": "a"}) == {"path": "a"}


def test_a_name_that_no_pattern_matches_is_undeclared() -> None:
    schema = {"type": "object", "patternProperties": {"^x-": {}}}
    assert refusal({"path": "a", "x-1": 1}, of=plain(schema)) == "invalid arguments: `path` is not declared"


def test_a_name_on_which_a_pattern_runs_away_is_undeclared() -> None:
    schema = {"type": "object", "patternProperties": {r"^(a|aa)+\1(?=b)$": {}}}
    assert refusal({"a" * 1000: 1}, of=plain(schema)).endswith("is not declared")


def test_marked_texts_are_brought_to_one_form_at_any_depth_and_refused_by_their_place() -> None:
    tool_ = plain(NESTED, marks={"/files/*/path": Mark.PATH, "/file/path": Mark.PATH})
    arguments = {"files": [{"path": "a/../b"}, {"path": "./c"}], "file": {"path": "d/."}, "either": "x/../y"}
    assert ArgumentChecker().check(tool_, arguments) == {
        "files": [{"path": "b"}, {"path": "c"}],
        "file": {"path": "d"},
        "either": "x/../y",
    }
    refused = refusal({"files": [{"path": "../s3cret"}]}, of=tool_)
    assert refused == "invalid arguments: `/files/*/path`: the path climbs above its start"
