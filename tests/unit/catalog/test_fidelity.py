from typing import Any

import pytest

from pdp.core.catalog.fidelity import ArgumentFidelity, Loss, ToolFidelity, Visibility, fidelity
from pdp.core.catalog.schema.constraints import Constraints
from pdp.core.catalog.schema.shape import Why
from pdp.core.catalog.tool import Mark, Tool, Undeclared

NOTHING = Constraints((), ())


def report(schema: dict[str, Any], **known: Any) -> ToolFidelity:
    return fidelity(Tool(server="s", name="t", pin="", input_schema=schema, **known))


def argument(schema: dict[str, Any], **known: Any) -> ArgumentFidelity:
    """The only argument, whose schema is `schema`."""
    (first, *_) = report({"type": "object", "properties": {"a": schema}}, **known).arguments
    return first


def seen(schema: dict[str, Any]) -> dict[str, tuple[str, str | None, list[Loss]]]:
    return {each.pointer: (each.visibility, each.cedar, list(each.losses)) for each in report(schema).arguments}


@pytest.mark.parametrize(
    ("schema", "kind", "losses"),
    [
        ({"type": "string"}, "String", ()),
        ({"type": "boolean"}, "Bool", ()),
        ({"enum": ["a", "b"]}, "String", ()),
        ({"type": "integer"}, "Long", (Loss.RANGE,)),
        ({"type": "integer", "minimum": 0, "maximum": 10}, "Long", ()),
        ({"type": "integer", "minimum": 0}, "Long", (Loss.RANGE,)),
        ({"enum": [1, 2]}, "Long", ()),
        ({"enum": [1, 2**63]}, "Long", (Loss.RANGE,)),
        ({"type": "number"}, "decimal", (Loss.PLACES, Loss.RANGE)),
        ({"type": "number", "minimum": 0, "maximum": 1}, "decimal", (Loss.PLACES,)),
        ({"type": "number", "enum": [0.5, 0.00001]}, "decimal", (Loss.PLACES,)),
        ({"type": "number", "const": 0.5}, "decimal", ()),
        ({"type": ["string", "null"]}, "String", (Loss.NULL,)),
        ({"type": ["string", "integer"]}, "{integer?, string?}", (Loss.RANGE, Loss.BRANCH)),
        ({"type": ["string", "object"]}, "{object?, string?}", (Loss.KIND, Loss.BRANCH)),
        ({"type": "array", "items": {"type": "string"}}, "Set<String>", (Loss.ORDER,)),
        ({"type": "object", "properties": {"b": {"type": "string"}}}, "{...}", ()),
        ({"type": "object", "properties": {}}, "{}", ()),
    ],
)
def test_what_a_policy_cannot_tell_is_told(schema: dict[str, Any], kind: str, losses: tuple[Loss, ...]) -> None:
    found = argument(schema)
    assert (found.type, found.losses, found.cedar) == (kind, losses, "context.arguments.a")
    assert found.visibility is (Visibility.WITH_LOSS if losses else Visibility.VISIBLE)


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": "array"}, {"enum": [{}]}])
def test_what_cedar_cannot_hold_is_invisible_and_says_why(schema: dict[str, Any]) -> None:
    found = argument(schema)
    assert (found.visibility, found.cedar, found.type, found.losses) == (Visibility.INVISIBLE, None, None, ())
    assert isinstance(found.why, Why)


def test_parts_are_told_by_pointer_and_by_their_place_in_a_policy() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a/b": {"type": "object", "properties": {"x y": {"type": "string"}, "if": {"type": "boolean"}}},
            "list": {
                "type": "array",
                "items": {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]},
            },
            "v": {"anyOf": [{"type": "object", "properties": {"q": {"type": "string"}}}, {"type": "string"}]},
        },
    }
    whole, item = Visibility.VISIBLE, Visibility.WITH_LOSS
    assert seen(schema) == {
        "/a~1b": (whole, 'context.arguments["a/b"]', []),
        "/a~1b/if": (whole, 'context.arguments["a/b"]["if"]', []),
        "/a~1b/x y": (whole, 'context.arguments["a/b"]["x y"]', []),
        "/list": (item, "context.arguments.list", [Loss.ORDER]),
        "/list/*": (item, None, [Loss.ELEMENT]),
        "/list/*/n": (item, None, [Loss.ELEMENT]),
        "/v": (item, "context.arguments.v", [Loss.BRANCH]),
        "/v/q": (whole, "context.arguments.v.object.q", []),
    }


def test_constraints_stand_where_they_apply() -> None:
    inner = {"type": "object", "properties": {"n": {"type": "string", "pattern": "^a"}}, "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "uniqueItems": True},
            "o": inner,
            "mail": {"type": "string", "format": "email", "minLength": 1},
        },
        "dependentRequired": {"mail": ["o"]},
    }
    found = report(schema)
    assert found.constraints == Constraints(("dependentRequired",), ())
    assert {each.pointer: each.constraints for each in found.arguments} == {
        "/list": Constraints(("uniqueItems",), ()),
        "/list/*": Constraints(("maximum", "minimum"), ()),
        "/mail": Constraints(("minLength",), ("format",)),
        "/o": Constraints(("additionalProperties",), ()),
        "/o/n": Constraints(("pattern",), ()),
    }


def test_required_is_told_where_the_cedar_type_does_not_say_it() -> None:
    fields = {"a": {"type": "string"}, "b": {"type": ["string", "null"]}}
    schema = {"type": "object", "properties": fields}
    assert report({**schema, "required": ["a"]}).constraints == NOTHING
    assert report({**schema, "required": ["a", "b"]}).constraints == Constraints(("required",), ())
    assert report({**schema, "anyOf": [{"required": ["a"]}, {}]}).constraints == Constraints(("anyOf", "required"), ())
    assert argument({**schema, "required": ["c"]}).constraints == Constraints(("required",), ())


def test_members_that_pass_undeclared_are_not_seen() -> None:
    open_object = {"type": "object", "properties": {"b": {"type": "string"}}}
    assert argument(open_object, undeclared=Undeclared.REFUSE).losses == ()
    assert argument(open_object, undeclared=Undeclared.ALLOW).losses == (Loss.UNDECLARED,)
    assert argument({**open_object, "additionalProperties": False}, undeclared=Undeclared.ALLOW).losses == ()


def test_marks_are_told_by_name_and_by_pointer() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"path": {"type": "string"}}}},
        },
    }
    found = report(schema, marks={"a": Mark.SECRET, "/list/*/path": Mark.PATH})
    assert {each.pointer: each.mark for each in found.arguments if each.mark} == {
        "/a": Mark.SECRET,
        "/list/*/path": Mark.PATH,
    }


def test_counts_have_every_argument_once() -> None:
    found = report({"type": "object", "properties": {"a": {}, "b": {"type": "string"}, "c": {"type": "number"}}})
    assert found.counts() == {Visibility.INVISIBLE: 1, Visibility.VISIBLE: 1, Visibility.WITH_LOSS: 1}
