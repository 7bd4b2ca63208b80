from typing import Any

import pytest

from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.marks import masked
from pdp.core.catalog.tool import Mark, Tool
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


def test_secrets_are_masked_for_the_record() -> None:
    assert masked(tool(), {"key": "s3cret", "count": 1}) == {"key": "[secret]", "count": 1}
