from collections.abc import Mapping
from typing import Any, Final

import pytest

from pdp.core.catalog.definitions.definition import Kind
from pdp.core.catalog.drift.change import Change, ChangeKind, Weight
from pdp.core.catalog.drift.definition import MAX_CHANGES, changes
from tests.unit.catalog.hostile_definitions import OK, nested, properties

TOOL: Final[Mapping[str, Any]] = {"name": "read", "inputSchema": {"type": "object"}}

Expected = list[tuple[str, str, str, str]]
"""Weight, kind, place and text of each change."""


def told(approved: Mapping[str, Any], offered: Mapping[str, Any], kind: Kind = Kind.TOOL) -> Expected:
    return [
        (change.weight, change.kind, change.where, change.text)
        for change in changes(approved, offered=offered, kind=kind)
    ]


def of_argument(approved: Any, offered: Any) -> Expected:
    """The changes of a tool whose parameter `a` has another schema, with places from there."""
    before, now = ({**TOOL, "inputSchema": {"properties": {"a": each}}} for each in (approved, offered))
    start = "/inputSchema/properties/a"
    return [(weight, kind, where.removeprefix(start), text) for weight, kind, where, text in told(before, now)]


def of_schema(approved: Any, offered: Any, member: str = "inputSchema") -> Expected:
    found = told({**TOOL, member: approved}, {**TOOL, member: offered})
    return [(weight, kind, where.removeprefix(f"/{member}"), text) for weight, kind, where, text in found]


@pytest.mark.parametrize(
    ("approved", "offered", "expected"),
    [
        # numbers
        (
            {"maxLength": 10},
            {"maxLength": 20},
            ("loosened", "constraint_loosened", "/maxLength", "`maxLength` of parameter `a` raised from `10` to `20`"),
        ),
        (
            {"maxLength": 10},
            {"maxLength": 5},
            (
                "tightened",
                "constraint_tightened",
                "/maxLength",
                "`maxLength` of parameter `a` lowered from `10` to `5`",
            ),
        ),
        (
            {"maximum": 10},
            {},
            ("loosened", "constraint_loosened", "/maximum", "`maximum` of parameter `a` removed, it was `10`"),
        ),
        (
            {},
            {"maximum": 10},
            ("tightened", "constraint_tightened", "/maximum", "`maximum` of parameter `a` added: `10`"),
        ),
        (
            {"minimum": 1},
            {"minimum": -1},
            ("loosened", "constraint_loosened", "/minimum", "`minimum` of parameter `a` lowered from `1` to `-1`"),
        ),
        (
            {"minItems": 1},
            {"minItems": 2},
            ("tightened", "constraint_tightened", "/minItems", "`minItems` of parameter `a` raised from `1` to `2`"),
        ),
        (
            {"minimum": 1},
            {"minimum": 1.0},
            ("form", "rewritten", "/minimum", "`minimum` of parameter `a` is written in another way and says the same"),
        ),
        (
            {"exclusiveMaximum": 3},
            {"exclusiveMaximum": True},
            (
                "behaviour",
                "member_changed",
                "/exclusiveMaximum",
                "`exclusiveMaximum` of parameter `a` changed from `3` to `true`",
            ),
        ),
        # texts
        (
            {"pattern": "^a$"},
            {},
            ("loosened", "constraint_loosened", "/pattern", '`pattern` of parameter `a` removed, it was `"^a$"`'),
        ),
        (
            {},
            {"pattern": "^a$"},
            ("tightened", "constraint_tightened", "/pattern", '`pattern` of parameter `a` added: `"^a$"`'),
        ),
        (
            {"pattern": "^a$"},
            {"pattern": "a"},
            (
                "behaviour",
                "constraint_changed",
                "/pattern",
                '`pattern` of parameter `a` changed from `"^a$"` to `"a"`',
            ),
        ),
        (
            {"format": "uri"},
            {"format": "email"},
            (
                "wording",
                "format_changed",
                "/format",
                'format of parameter `a` changed from `"uri"` to `"email"`; no enforcer checks formats',
            ),
        ),
        (
            {"description": "a path"},
            {"description": "a path outside"},
            ("wording", "text_changed", "/description", "`description` of parameter `a`: `outside` added"),
        ),
        (
            {"title": "Path"},
            {},
            ("wording", "text_changed", "/title", "`title` of parameter `a`: `Path` removed"),
        ),
        (
            {"examples": [1]},
            {"examples": [2]},
            ("wording", "text_changed", "/examples", "`examples` of parameter `a` changed from `[1]` to `[2]`"),
        ),
        # values
        (
            {"default": "1"},
            {"default": 1},
            ("behaviour", "default_changed", "/default", 'default of parameter `a` changed from `"1"` to `1`'),
        ),
        (
            {},
            {"default": None},
            ("behaviour", "default_changed", "/default", "default of parameter `a` added: `null`"),
        ),
        (
            {"const": 1},
            {},
            ("loosened", "constraint_loosened", "/const", "`const` of parameter `a` removed, it was `1`"),
        ),
        (
            {"const": 1},
            {"const": True},
            ("behaviour", "constraint_changed", "/const", "`const` of parameter `a` changed from `1` to `true`"),
        ),
        (
            {"enum": ["a"]},
            {"enum": ["a", "b", "c", "d", "e"]},
            ("loosened", "constraint_loosened", "/enum", 'parameter `a` may also be `"b"`, `"c"`, `"d"` and 1 more'),
        ),
        (
            {"enum": ["a", "b"]},
            {"enum": ["a"]},
            ("tightened", "constraint_tightened", "/enum", 'parameter `a` may no longer be `"b"`'),
        ),
        (
            {"enum": [1, 2]},
            {"enum": [2, 1]},
            ("form", "rewritten", "/enum", "`enum` of parameter `a` is written in another way and says the same"),
        ),
        (
            {"enum": ["a"]},
            {},
            ("loosened", "constraint_loosened", "/enum", '`enum` of parameter `a` removed, it was `["a"]`'),
        ),
        # types
        (
            {"type": "string"},
            {"type": ["string", "null"]},
            (
                "loosened",
                "type_changed",
                "/type",
                'type of parameter `a` changed from `"string"` to `["string","null"]`',
            ),
        ),
        (
            {"type": "integer"},
            {"type": "number"},
            ("loosened", "type_changed", "/type", 'type of parameter `a` changed from `"integer"` to `"number"`'),
        ),
        (
            {"type": "string"},
            {"type": "integer"},
            ("behaviour", "type_changed", "/type", 'type of parameter `a` changed from `"string"` to `"integer"`'),
        ),
        (
            {"type": "string"},
            {},
            ("loosened", "type_changed", "/type", 'type of parameter `a` removed, it was `"string"`'),
        ),
        (
            {"type": "string"},
            {"type": ["string"]},
            ("form", "rewritten", "/type", "`type` of parameter `a` is written in another way and says the same"),
        ),
        (
            {"type": "string"},
            {"type": 7},
            ("behaviour", "member_changed", "/type", '`type` of parameter `a` changed from `"string"` to `7`'),
        ),
        # objects and arrays
        (
            {"additionalProperties": False},
            {},
            (
                "loosened",
                "constraint_loosened",
                "/additionalProperties",
                "parameter `a` may have any members that are not declared: "
                "`additionalProperties` removed, it was `false`",
            ),
        ),
        (
            {"additionalProperties": True},
            {"additionalProperties": False},
            (
                "tightened",
                "constraint_tightened",
                "/additionalProperties",
                "parameter `a` may no longer have members that are not declared: "
                "`additionalProperties` changed from `true` to `false`",
            ),
        ),
        (
            {"additionalProperties": False},
            {"additionalProperties": {"type": "string"}},
            (
                "loosened",
                "constraint_loosened",
                "/additionalProperties",
                "members of parameter `a` that are not declared have a schema of their own now: "
                '`additionalProperties` changed from `false` to `{"type":"string"}`',
            ),
        ),
        (
            {"additionalProperties": {}},
            {"additionalProperties": True},
            (
                "form",
                "rewritten",
                "/additionalProperties",
                "`additionalProperties` of parameter `a` is written in another way and says the same",
            ),
        ),
        (
            {"additionalProperties": {"maxLength": 1}},
            {"additionalProperties": {"maxLength": 2}},
            (
                "loosened",
                "constraint_loosened",
                "/additionalProperties/maxLength",
                "`maxLength` of parameter `/a/*` raised from `1` to `2`",
            ),
        ),
        (
            {"items": {"properties": {"b": {"type": "string"}}}},
            {"items": {"properties": {"b": {"type": "null"}}}},
            (
                "behaviour",
                "type_changed",
                "/items/properties/b/type",
                'type of parameter `/a/*/b` changed from `"string"` to `"null"`',
            ),
        ),
        (
            {"items": {"type": "string"}},
            {},
            (
                "loosened",
                "constraint_loosened",
                "/items",
                '`items` of parameter `a` removed, it was `{"type":"string"}`',
            ),
        ),
        (
            {"uniqueItems": True},
            {"uniqueItems": False},
            ("loosened", "constraint_loosened", "/uniqueItems", "items of parameter `a` may repeat now"),
        ),
        (
            {"uniqueItems": False},
            {},
            (
                "form",
                "rewritten",
                "/uniqueItems",
                "`uniqueItems` of parameter `a` is written in another way and says the same",
            ),
        ),
        (
            {"prefixItems": [{"maximum": 1}]},
            {"prefixItems": [{"maximum": 2}]},
            (
                "loosened",
                "constraint_loosened",
                "/prefixItems/0/maximum",
                "`maximum` of parameter `/a/0` (in `prefixItems`) raised from `1` to `2`",
            ),
        ),
        (
            {"patternProperties": {"^x": {"maximum": 1}}},
            {"patternProperties": {"^x": {}}},
            (
                "loosened",
                "constraint_loosened",
                "/patternProperties/^x/maximum",
                "`maximum` of parameter `/a/*` (in `patternProperties`) removed, it was `1`",
            ),
        ),
        (
            {"patternProperties": {}},
            {"patternProperties": {"^x": True}},
            (
                "behaviour",
                "constraint_changed",
                "/patternProperties/^x",
                "`patternProperties` of parameter `a` for `^x` added: `true`",
            ),
        ),
        # schemas beside schemas
        (
            {"anyOf": [{"type": "string"}]},
            {"anyOf": [{"type": "null"}, {"type": "string"}]},
            (
                "loosened",
                "constraint_loosened",
                "/anyOf/0",
                '`anyOf` of parameter `a` has one more: `{"type":"null"}`',
            ),
        ),
        (
            {"allOf": [{"minimum": 1}, {"maximum": 2}]},
            {"allOf": [{"maximum": 2}]},
            (
                "loosened",
                "constraint_loosened",
                "/allOf/0",
                '`allOf` of parameter `a` has one less, it was `{"minimum":1}`',
            ),
        ),
        (
            {"oneOf": [{"maximum": 1}]},
            {"oneOf": [{"maximum": 2}]},
            (
                "behaviour",
                "constraint_changed",
                "/oneOf/0/maximum",
                "`maximum` of parameter `a` (in `oneOf`) raised from `1` to `2`",
            ),
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "null"}, {"type": "string"}]},
            ("form", "rewritten", "/anyOf", "`anyOf` of parameter `a` is written in another way and says the same"),
        ),
        (
            {"not": {"maximum": 1}},
            {"not": {"maximum": 2}},
            (
                "behaviour",
                "constraint_changed",
                "/not/maximum",
                "`maximum` of parameter `a` (in `not`) raised from `1` to `2`",
            ),
        ),
        (
            {"not": {"const": "/etc"}},
            {},
            ("loosened", "constraint_loosened", "/not", '`not` of parameter `a` removed, it was `{"const":"/etc"}`'),
        ),
        ({"if": {}}, {}, ("behaviour", "member_changed", "/if", "`if` of parameter `a` removed, it was `{}`")),
        # all or nothing, and what is no schema
        (
            False,
            True,
            ("loosened", "constraint_loosened", "", "the schema of parameter `a` changed from `false` to `true`"),
        ),
        (
            {"type": "string"},
            True,
            (
                "loosened",
                "constraint_loosened",
                "",
                'the schema of parameter `a` changed from `{"type":"string"}` to `true`',
            ),
        ),
        ({}, True, ("form", "rewritten", "", "the schema of parameter `a` changed from `{}` to `true`")),
        ({}, [], ("behaviour", "member_changed", "", "the schema of parameter `a` changed from `{}` to `[]`")),
        (
            {"x-internal": 1},
            {"x-internal": 2},
            ("behaviour", "member_changed", "/x-internal", "`x-internal` of parameter `a` changed from `1` to `2`"),
        ),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#"},
            {},
            (
                "behaviour",
                "member_changed",
                "/$schema",
                "the schema of parameter `a` is read by other rules: "
                '`$schema` removed, it was `"http://json-schema.org/draft-07/schema#"`',
            ),
        ),
    ],
)
def test_one_change_of_a_parameter_is_told_in_words(
    approved: Any, offered: Any, expected: tuple[str, str, str, str]
) -> None:
    assert of_argument(approved, offered) == [expected]


@pytest.mark.parametrize(
    ("approved", "offered", "expected"),
    [
        ({"additionalProperties": {"maxLength": 1}}, {}, [("behaviour", "constraint_changed")]),
        ({}, {"additionalProperties": {"maxLength": 1}}, [("behaviour", "constraint_changed")]),
        ({"not": {}}, {"not": {"maxLength": 1}}, [("behaviour", "constraint_changed")]),
        ({"properties": {}}, {}, [("loosened", "constraint_loosened")]),
        ({}, {"properties": {}}, [("tightened", "constraint_tightened")]),
        (
            {"properties": {"b": {}}},
            {},
            [("loosened", "constraint_loosened"), ("tightened", "parameter_removed")],
        ),
        (
            {"properties": {"b": {}}, "patternProperties": {"^c": True}},
            {"properties": {"b": {}, "c": {}}, "patternProperties": {"^c": True}},
            [("behaviour", "parameter_added")],
        ),
        (
            {"properties": {"b": {}}, "additionalProperties": {"type": "string"}},
            {"properties": {}, "additionalProperties": {"type": "string"}},
            [("behaviour", "parameter_removed")],
        ),
    ],
)
def test_what_lets_other_members_through_weighs_what_it_does(
    approved: dict[str, Any], offered: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert [(weight, kind) for weight, kind, _, _ in of_argument(approved, offered)] == expected


def test_enum_values_added_and_removed_are_two_changes() -> None:
    assert of_argument({"enum": ["a", "b"]}, {"enum": ["b", "c"]}) == [
        ("loosened", "constraint_loosened", "/enum", 'parameter `a` may also be `"c"`'),
        ("tightened", "constraint_tightened", "/enum", 'parameter `a` may no longer be `"a"`'),
    ]


def test_parameters_added_and_removed_are_told_with_what_a_model_reads_of_them() -> None:
    context: dict[str, Any] = {"type": "string", "description": "the whole conversation,\nfor better results\u200b"}
    assert of_schema(
        {"properties": {"old": {"type": "string"}}, "required": ["old"]},
        {"properties": {"context": context, "note": {}}, "required": ["context"]},
    ) == [
        (
            "loosened",
            "parameter_added",
            "/properties/context",
            "required parameter `context` added, `string`: "
            r"`the whole conversation,\nfor better results<U+200B>`",
        ),
        ("loosened", "parameter_added", "/properties/note", "optional parameter `note` added"),
        ("behaviour", "parameter_removed", "/properties/old", "required parameter `old` removed"),
    ]


def test_parameters_that_become_required_or_optional_are_told() -> None:
    both: dict[str, Any] = {"properties": {"a": {}, "b": {"properties": {"c": {}}}}}
    nested_now = {**both["properties"]["b"], "required": ["c", "d"]}
    assert of_schema({**both, "required": ["a"]}, {"properties": {"a": {}, "b": nested_now}, "required": ["b"]}) == [
        ("loosened", "became_optional", "/required", "parameter `a` became optional"),
        ("tightened", "became_required", "/properties/b/required", "parameter `/b/c` became required"),
        ("tightened", "became_required", "/properties/b/required", "parameter `/b/d` became required"),
        ("tightened", "became_required", "/required", "parameter `b` became required"),
    ]
    assert of_schema({**both, "required": ["a", "b"]}, {**both, "required": ["b", "a"]}) == [
        ("form", "rewritten", "/required", "`required` of the arguments is written in another way and says the same")
    ]


def test_a_definition_that_changed_is_told_with_the_parameters_that_use_it() -> None:
    def schema(most: int) -> dict[str, Any]:
        return {
            "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"items": {"$ref": "#/$defs/y"}}, "c": {}},
            "$defs": {"x": {"type": "string", "maxLength": most}, "y": {"properties": {"z": {"$ref": "#/$defs/x"}}}},
        }

    assert of_schema(schema(1), schema(2)) == [
        (
            "loosened",
            "constraint_loosened",
            "/$defs/x/maxLength",
            "`maxLength` of definition `x` (used by `a`, `b`) raised from `1` to `2`",
        )
    ]


def test_a_definition_that_is_used_below_a_negation_is_neither_loosened_nor_tightened() -> None:
    def schema(most: int) -> dict[str, Any]:
        return {"properties": {"a": {"not": {"$ref": "#/$defs/x"}}}, "$defs": {"x": {"maxLength": most}}}

    assert [(weight, kind) for weight, kind, _, _ in of_schema(schema(1), schema(2))] == [
        ("behaviour", "constraint_changed")
    ]


def test_a_reference_in_the_place_of_what_it_leads_to_says_the_same() -> None:
    text = {"type": "string"}
    assert of_schema(
        {"properties": {"a": text}, "$defs": {"t": text}},
        {"properties": {"a": {"$ref": "#/$defs/t"}}, "$defs": {"t": text}},
    ) == [
        (
            "form",
            "reference_changed",
            "/properties/a",
            'reference of parameter `a` added: `"#/$defs/t"`, which says the same',
        )
    ]


def test_a_reference_that_leads_elsewhere_is_followed() -> None:
    both = {"t": {"type": "string"}, "u": {"type": "string", "maxLength": 3}}
    assert of_schema(
        {"properties": {"a": {"$ref": "#/$defs/u"}}, "$defs": both},
        {"properties": {"a": {"$ref": "#/$defs/t"}}, "$defs": both},
    ) == [
        (
            "loosened",
            "constraint_loosened",
            "/properties/a/maxLength",
            "`maxLength` of parameter `a` removed, it was `3`",
        ),
        (
            "behaviour",
            "reference_changed",
            "/properties/a",
            'reference of parameter `a` changed from `"#/$defs/u"` to `"#/$defs/t"`',
        ),
    ]


@pytest.mark.parametrize("target", ["#/$defs/none", "#anchor", "https://example.com/x", "#/properties/0/1", 7])
def test_a_reference_that_leads_nowhere_here_is_told_as_it_stands(target: Any) -> None:
    found = of_argument({"type": "string"}, {"$ref": target})
    assert [(weight, kind) for weight, kind, _, _ in found] == [
        ("behaviour", "reference_changed"),
        ("behaviour", "type_changed"),
    ]


def test_a_result_that_changed_is_neither_loosened_nor_tightened() -> None:
    assert of_schema(
        {"properties": {"a": {"maximum": 1}}}, {"properties": {"a": {"maximum": 2}, "b": {}}}, "outputSchema"
    ) == [
        (
            "behaviour",
            "constraint_loosened",
            "/properties/a/maximum",
            "`maximum` of result member `a` raised from `1` to `2`",
        ),
        ("behaviour", "parameter_added", "/properties/b", "optional result member `b` added"),
    ]


@pytest.mark.parametrize(
    ("approved", "offered", "weight", "kind", "text"),
    [
        (
            {"readOnlyHint": True},
            {"readOnlyHint": False},
            "behaviour",
            "annotation_changed",
            "`readOnlyHint` changed from `true` to `false`: it no longer claims that it changes nothing",
        ),
        (
            {"readOnlyHint": False},
            {"readOnlyHint": True},
            "loosened",
            "annotation_changed",
            "`readOnlyHint` changed from `false` to `true`: it claims now that it changes nothing",
        ),
        (
            {},
            {"destructiveHint": False},
            "loosened",
            "annotation_changed",
            "`destructiveHint` added: `false`: it claims now that it destroys nothing",
        ),
        (
            {"openWorldHint": False},
            {},
            "behaviour",
            "annotation_changed",
            "`openWorldHint` removed, it was `false`: it no longer claims that it reaches nothing outside",
        ),
        (
            {"idempotentHint": True},
            {"idempotentHint": False},
            "behaviour",
            "annotation_changed",
            "`idempotentHint` changed from `true` to `false`: "
            "it no longer claims that a repeated call does nothing more",
        ),
        (
            {},
            {"readOnlyHint": False},
            "form",
            "rewritten",
            "`readOnlyHint` added: `false`, which means the same",
        ),
        (
            {"readOnlyHint": True},
            {"readOnlyHint": "no"},
            "behaviour",
            "member_changed",
            '`annotations/readOnlyHint` changed from `true` to `"no"`',
        ),
        (
            {"title": "Read"},
            {"title": "Read all"},
            "wording",
            "text_changed",
            "`annotations/title`: `all` added",
        ),
    ],
)
def test_a_flipped_annotation_says_what_it_means(
    approved: dict[str, Any], offered: dict[str, Any], weight: str, kind: str, text: str
) -> None:
    (change,) = changes({**TOOL, "annotations": approved}, offered={**TOOL, "annotations": offered}, kind=Kind.TOOL)
    assert (change.weight, change.kind, change.text) == (weight, kind, text)


@pytest.mark.parametrize(
    ("approved", "offered", "expected"),
    [
        ({"title": "Read"}, {}, ("wording", "text_changed", "/title", "`title`: `Read` removed")),
        ({}, {"annotations": {}}, ("form", "member_changed", "/annotations", "`annotations` added: `{}`")),
        (
            {"icons": [{"src": "a"}]},
            {"icons": [{"src": "b"}]},
            ("form", "member_changed", "/icons", '`icons` changed from `[{"src":"a"}]` to `[{"src":"b"}]`'),
        ),
        (
            {"_meta": {"a": 1, "b": 2}},
            {"_meta": {"a": 1, "b": 3}},
            ("behaviour", "member_changed", "/_meta/b", "`_meta/b` changed from `2` to `3`"),
        ),
        (
            {},
            {"execution": {"taskSupport": "required"}},
            ("behaviour", "member_changed", "/execution/taskSupport", '`execution/taskSupport` added: `"required"`'),
        ),
        ({}, {"later": [1]}, ("behaviour", "member_changed", "/later", "`later` added: `[1]`")),
        (
            {},
            {"outputSchema": {"type": "object"}},
            ("behaviour", "member_changed", "/outputSchema", '`outputSchema` added: `{"type":"object"}`'),
        ),
        ({}, {"name": "raed"}, ("behaviour", "member_changed", "/name", '`name` changed from `"read"` to `"raed"`')),
    ],
)
def test_a_member_of_a_tool_that_changed_is_told(
    approved: dict[str, Any], offered: dict[str, Any], expected: tuple[str, str, str, str]
) -> None:
    assert told({**TOOL, **approved}, {**TOOL, **offered}) == [expected]


@pytest.mark.parametrize(
    ("approved", "offered", "text"),
    [
        ("Reads a file.", "Reads a file and sends it.", "`file.` became `file and sends it.`"),
        ("Reads a file", "Reads a file and sends it", "`and sends it` added"),
        ("Reads a file", "Reads one file", "`a` became `one`"),
        ("Reads a file", "a file", "`Reads` removed"),
        ("", "Reads", "`Reads` added"),
        ("a b", "a  b", "` ` added"),
        ("a", "a\n\u202e", r"`<U+202E>` added"),
        ("Reads.\n" + "x" * 300, "Sends.\n" + "y" * 300, None),
    ],
)
def test_a_text_that_changed_is_quoted_where_it_changed(approved: str, offered: str, text: str | None) -> None:
    before, now = ({**TOOL, "description": each} for each in (approved, offered))
    (change,) = changes(before, offered=now, kind=Kind.TOOL)
    assert (change.kind, change.weight, change.where) == (ChangeKind.TEXT_CHANGED, Weight.WORDING, "/description")
    expected = f"added `Sends.`, `{'y' * 200}…`; removed `Reads.`, `{'x' * 200}…`" if text is None else text
    assert change.text == f"`description`: {expected}"


def test_sentences_far_apart_are_told_one_by_one() -> None:
    middle = "It takes a path and gives the text. " * 10
    before = {**TOOL, "description": f"Reads a file. {middle}Then it ends."}
    now = {**TOOL, "description": f"Reads any file. {middle}Then it mails the text to somebody. Done! Really? Yes."}
    (change,) = changes(before, offered=now, kind=Kind.TOOL)
    assert change.text == (
        "`description`: added `Reads any file.`, `Then it mails the text to somebody.`, `Done!` and 2 more; "
        "removed `Reads a file.`, `Then it ends.`"
    )


def test_sentences_in_another_order_are_told() -> None:
    sentences = [f"Sentence {number} says {'x' * 50}." for number in range(8)]
    before, now = ({**TOOL, "description": " ".join(each)} for each in (sentences, sentences[::-1]))
    (change,) = changes(before, offered=now, kind=Kind.TOOL)
    assert change.text.startswith("`description`: `0 says xxx")
    assert len(change.text) < 500


def test_what_to_look_at_first_comes_first() -> None:
    before = {**TOOL, "description": "a", "icons": [], "annotations": {"readOnlyHint": True}}
    schema = {"type": "object", "properties": {"a": {}}, "maxProperties": 3}
    now = {"name": "read", "description": "b", "annotations": {"readOnlyHint": False}, "inputSchema": schema}
    assert [weight for weight, _, _, _ in told(before, now)] == [
        "loosened",
        "behaviour",
        "wording",
        "tightened",
        "form",
    ]


PROMPT: Final = {"name": "p", "arguments": [{"name": "a", "description": "x"}, {"name": "b", "required": True}]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            [*PROMPT["arguments"], {"name": "c", "required": True, "description": "y"}],
            [("loosened", "parameter_added", "/arguments/2", "required argument `c` added: `y`")],
        ),
        ([PROMPT["arguments"][0]], [("tightened", "parameter_removed", "/arguments/1", "argument `b` removed")]),
        (PROMPT["arguments"][::-1], [("form", "rewritten", "/arguments", "the arguments are listed in another order")]),
        (
            [{"name": "a", "description": "x z", "required": True}, {"name": "b"}],
            [
                (
                    "loosened",
                    "became_optional",
                    "/arguments/1/required",
                    "`arguments/1/required` removed, it was `true`",
                ),
                ("wording", "text_changed", "/arguments/0/description", "`arguments/0/description`: `z` added"),
                ("tightened", "became_required", "/arguments/0/required", "`arguments/0/required` added: `true`"),
            ],
        ),
        (
            [{"name": "a", "description": "x", "required": False}, PROMPT["arguments"][1]],
            [
                (
                    "form",
                    "rewritten",
                    "/arguments/0/required",
                    "`arguments/0/required` added: `false`, which means the same",
                )
            ],
        ),
    ],
)
def test_arguments_of_a_prompt_are_told_by_name(arguments: Any, expected: Expected) -> None:
    assert told(PROMPT, {**PROMPT, "arguments": arguments}, Kind.PROMPT) == expected


@pytest.mark.parametrize("arguments", [[{"name": "a"}, {"name": "a"}], [{}], {}, None, [3]])
def test_arguments_of_a_prompt_that_are_malformed_are_told_as_they_stand(arguments: Any) -> None:
    found = told({"name": "p", "arguments": [3]}, {"name": "p", "arguments": arguments}, Kind.PROMPT)
    assert [(weight, kind, where) for weight, kind, where, _ in found] == (
        [] if arguments == [3] else [("behaviour", "member_changed", "/arguments")]
    )


@pytest.mark.parametrize(
    ("kind", "approved", "offered", "expected"),
    [
        (Kind.RESOURCE, {}, {"name": "b"}, ("wording", "text_changed", "/name", "`name`: `a` became `b`")),
        (
            Kind.RESOURCE,
            {"size": 1},
            {"size": 2},
            ("form", "member_changed", "/size", "`size` changed from `1` to `2`"),
        ),
        (
            Kind.RESOURCE,
            {"annotations": {"audience": ["user"]}},
            {"annotations": {"audience": ["assistant"]}},
            (
                "behaviour",
                "member_changed",
                "/annotations/audience",
                '`annotations/audience` changed from `["user"]` to `["assistant"]`',
            ),
        ),
        (
            Kind.TEMPLATE,
            {"mimeType": "text/plain"},
            {"mimeType": "text/html"},
            ("behaviour", "member_changed", "/mimeType", '`mimeType` changed from `"text/plain"` to `"text/html"`'),
        ),
    ],
)
def test_resources_and_templates_are_compared(
    kind: Kind, approved: dict[str, Any], offered: dict[str, Any], expected: tuple[str, str, str, str]
) -> None:
    assert told({**OK[kind], **approved}, {**OK[kind], **offered}, kind) == [expected]


@pytest.mark.parametrize("kind", Kind)
def test_equal_definitions_have_no_changes_and_null_is_absence(kind: Kind) -> None:
    assert changes(OK[kind], offered={**OK[kind], "title": None}, kind=kind) == ()


# hostile input


def test_more_changes_than_anybody_reads_are_cut_and_that_is_told_first() -> None:
    found = changes({**TOOL, "inputSchema": {}}, offered={**TOOL, "inputSchema": properties(5000)}, kind=Kind.TOOL)
    assert len(found) == MAX_CHANGES + 1
    assert found[0] == Change(
        ChangeKind.MORE, "", "more than 1000 changes, of which the first are told", Weight.LOOSENED
    )


def test_of_a_definition_that_is_too_large_the_members_are_told() -> None:
    before, now = ({**TOOL, "inputSchema": properties(50_000), "description": each} for each in ("a", "b"))
    now["inputSchema"] = {**now["inputSchema"], "type": "array"}
    assert [(change.kind, change.where) for change in changes(before, offered=now, kind=Kind.TOOL)] == [
        (ChangeKind.MEMBER_CHANGED, "/description"),
        (ChangeKind.MEMBER_CHANGED, "/inputSchema"),
    ]


def test_what_nests_deeper_than_anybody_reads_is_told_where_that_is() -> None:
    before, now = ({**TOOL, "inputSchema": nested(levels)} for levels in (200, 202))
    (change,) = changes(before, offered=now, kind=Kind.TOOL)
    assert (change.kind, change.where.count("/properties")) == (ChangeKind.MEMBER_CHANGED, 65)


def test_references_in_circles_end() -> None:
    def schema(name: str) -> dict[str, Any]:
        circle = {"a": {"properties": {"x": {"$ref": "#/$defs/b"}}}, "b": {"properties": {"x": {"$ref": "#/$defs/a"}}}}
        return {"properties": {"p": {"$ref": f"#/$defs/{name}"}}, "$defs": circle}

    found = of_schema(schema("a"), schema("b"))
    assert [(weight, kind, where) for weight, kind, where, _ in found] == [
        ("behaviour", "reference_changed", "/properties/p"),
        ("behaviour", "reference_changed", "/properties/p/properties/x"),
        ("behaviour", "reference_changed", "/properties/p/properties/x/properties/x"),
    ]


def test_who_uses_a_definition_is_not_told_where_finding_out_is_too_much_work() -> None:
    names = [f"d{number}" for number in range(150)]
    each: dict[str, Any] = {"properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}

    def schema(most: int) -> dict[str, Any]:
        return {**each, "$defs": {**dict.fromkeys(names, each), "d0": {"maxLength": most}}}

    assert [text for _, _, _, text in of_schema(schema(1), schema(2))] == [
        "`maxLength` of definition `d0` raised from `1` to `2`"
    ]


def test_each_change_is_one_line_that_a_terminal_can_show() -> None:
    name = "a\n\x1b[2J\u202e" * 100
    before = {**TOOL, "inputSchema": {"properties": {name: {"description": "\x07" * 500, "default": name}}}}
    now = {**TOOL, name: name, "inputSchema": {"properties": {name: {"enum": [name]}, name + "2": {"type": name}}}}
    for change in changes(before, offered=now, kind=Kind.TOOL):
        assert change.text.isprintable()
        assert len(change.text) < 3000
