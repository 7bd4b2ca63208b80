from typing import Any

import pytest

from enforcers.gateway.header import HeaderError, Headers
from enforcers.gateway.parameter_header import (
    AnnotationError,
    ParameterHeader,
    check_mirrored,
    mirrored,
    parameter_headers,
)


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def annotated(kind: Any = "string", name: Any = "Region") -> dict[str, Any]:
    return {"type": kind, "x-mcp-header": name}


REGION = parameter_headers(schema(region=annotated()))
COUNT = parameter_headers(schema(count=annotated("integer", "Count")))


def test_annotations_are_found_at_any_depth_of_properties() -> None:
    nested = schema(
        where={"type": "object", "properties": {"region": annotated()}}, count=annotated("integer", "Count")
    )
    assert set(parameter_headers(nested)) == {
        ParameterHeader("Mcp-Param-Region", ("where", "region")),
        ParameterHeader("Mcp-Param-Count", ("count",)),
    }


@pytest.mark.parametrize(
    "bad",
    [
        schema(a=annotated("number")),
        schema(a=annotated("object")),
        schema(a=annotated(["string", "null"])),
        schema(a=annotated(name="")),
        schema(a=annotated(name="a b")),
        schema(a=annotated(name="a\r\nX: y")),
        schema(a=annotated(name=7)),
        schema(a=annotated(), b=annotated(name="REGION")),
        schema(a={"type": "array", "items": annotated()}),
        schema(a={"anyOf": [annotated()]}),
        {"$defs": {"a": annotated()}, **schema()},
        annotated(),
        {"if": schema(a=annotated())},
    ],
)
def test_an_annotation_that_breaks_a_rule_makes_the_tool_unusable(bad: dict[str, Any]) -> None:
    with pytest.raises(AnnotationError):
        parameter_headers(bad)


def test_data_in_a_schema_is_no_annotation() -> None:
    assert parameter_headers(schema(a={"default": {"x-mcp-header": "X"}, "enum": [{"x-mcp-header": "Y"}]})) == ()


@pytest.mark.parametrize(
    ("kind", "value", "header"),
    [
        ("string", "us-west1", "us-west1"),
        ("string", "größe", "=?base64?Z3LDtsOfZQ==?="),
        ("integer", 42, "42"),
        ("integer", 42.0, "42"),
        ("boolean", True, "true"),
        ("boolean", False, "false"),
    ],
)
def test_values_are_mirrored_as_text(kind: str, value: Any, header: str) -> None:
    headers = parameter_headers(schema(p=annotated(kind, "P")))
    assert mirrored(headers, arguments={"p": value}) == {"Mcp-Param-P": header}
    check_mirrored(headers, arguments={"p": value}, sent=Headers([(b"mcp-param-p", header.encode())]))


@pytest.mark.parametrize("arguments", [{}, {"region": None}, {"region": {"a": 1}}])
def test_what_is_absent_or_no_text_is_not_mirrored(arguments: dict[str, Any]) -> None:
    assert mirrored(REGION, arguments=arguments) == {}
    check_mirrored(REGION, arguments=arguments, sent=Headers([]))


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"region": "a"}, []),
        ({"region": "a"}, [b"b"]),
        ({"region": "a"}, [b"A"]),
        ({"region": "a"}, [b"a", b"a"]),
        ({"region": "a"}, [b"=?base64?Yg==?="]),
        ({"region": "a"}, [b"\xe9"]),
        ({}, [b"a"]),
        ({"region": None}, [b"null"]),
        ({"region": 7}, [b"8"]),
    ],
)
def test_headers_that_differ_from_the_arguments_are_refused(arguments: dict[str, Any], sent: list[bytes]) -> None:
    with pytest.raises(HeaderError):
        check_mirrored(REGION, arguments=arguments, sent=Headers([(b"Mcp-Param-Region", value) for value in sent]))


@pytest.mark.parametrize(
    ("sent", "same"), [(b"42", True), (b"42.0", True), (b"042", True), (b"4e1", False), (b"x", False)]
)
def test_integers_compare_as_numbers(sent: bytes, same: bool) -> None:  # noqa: FBT001 - a column of the table
    headers = Headers([(b"Mcp-Param-Count", sent)])
    if same:
        check_mirrored(COUNT, arguments={"count": 42}, sent=headers)
        return
    with pytest.raises(HeaderError):
        check_mirrored(COUNT, arguments={"count": 42}, sent=headers)
