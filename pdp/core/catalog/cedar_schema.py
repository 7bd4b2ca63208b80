"""The generated Cedar schema, in Cedar's JSON form so that any tool or property name is legal.

INVARIANT: the schema serves to check policies; an evaluation never uses it to reject a request.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import Bounded, Enumerated, Opaque, Primitive, RecordOf, SetOf, Shape, UnionOf
from pdp.core.catalog.tool import Tool
from pdp.core.contract.checked_call import TOOLS_CALL, TOOLS_LIST
from pdp.core.identity import attribute
from pdp.core.identity.attribute import AttributeType
from pdp.core.identity.builtin import BUILT_IN

NAMESPACE: Final = "Mcp"
_STRING: Final = {"type": "String"}
_STRINGS: Final = {"type": "Set", "element": _STRING}


def cedar_schema(
    tools: Iterable[Tool], *, attributes: Mapping[str, AttributeType] = BUILT_IN.attributes
) -> dict[str, Any]:
    """The Cedar schema of principals with these `attributes`, resources, methods and every tool's typed call.

    A call has its tool's action; the group of all calls is no request's action, so it applies to nothing.
    """
    actions: dict[str, Any] = {TOOLS_CALL: {}, TOOLS_LIST: _action("Server", None)}
    for tool in tools:
        actions[tool.id] = {**_action("Tool", arguments_shape(tool.input_schema)), "memberOf": [{"id": TOOLS_CALL}]}
    return {NAMESPACE: {"entityTypes": _entity_types(attributes), "actions": actions}}


def _entity_types(attributes: Mapping[str, AttributeType]) -> dict[str, Any]:
    """INVARIANT: every attribute is optional, for of an actor or a delegate none is known."""
    declared = {name: _optional(attribute.cedar_type(kind)) for name, kind in sorted(attributes.items())}
    principal = {
        "memberOfTypes": ["Group", "Role", "Tenant"],
        "shape": _record({**declared, "tenant": _optional(_entity("Tenant"))}),
    }
    return {
        "Group": {},
        "Role": {},
        "Tenant": {},
        "User": principal,
        "Agent": principal,
        "Server": {"memberOfTypes": ["Tenant"]},
        "Toolset": {},
        "Tag": {},
        "Tool": {"memberOfTypes": ["Server", "Toolset", "Tag"], "shape": _record(_tool_attributes())},
    }


def _tool_attributes() -> dict[str, Any]:
    flag = {"type": "Boolean"}
    names = ("pinned", "readOnly", "destructive", "idempotent", "openWorld")
    texts = dict.fromkeys(("name", "server", "digest", "risk"), _STRING)
    return texts | {"tags": _STRINGS} | dict.fromkeys(names, flag)


def _action(resource: str, arguments: RecordOf | None) -> dict[str, Any]:
    attributes = {
        "actor": _optional(_entity("Agent")),
        "delegation": _optional(
            _record(
                {
                    "first": _entity("Agent"),
                    "last": _entity("Agent"),
                    "depth": {"type": "Long"},
                    "members": {"type": "Set", "element": _entity("Agent")},
                }
            )
        ),
        "scopes": _STRINGS,
        "ip": _optional({"type": "Extension", "name": "ipaddr"}),
        "now": {"type": "Extension", "name": "datetime"},
        "session": _optional(_STRING),
        "enforcer": _optional(_STRING),
        "transport": _optional(_STRING),
    }
    if arguments is not None:
        attributes["arguments"] = cedar_type(arguments)
    principals = {"principalTypes": ["User", "Agent"], "resourceTypes": [resource]}
    return {"appliesTo": {**principals, "context": _record(attributes)}}


def cedar_type(shape: Shape) -> dict[str, Any]:
    """The Cedar JSON type of `shape`; opaque fields of a record have an opaque placeholder type."""
    match shape:
        case Primitive.DECIMAL:
            return {"type": "Extension", "name": "decimal"}
        case Primitive():
            return {"type": shape.value}
        case Enumerated(kind=kind) | Bounded(kind=kind):
            return cedar_type(kind)
        case SetOf(element=element):
            return {"type": "Set", "element": cedar_type(element)}
        case RecordOf(fields=fields):
            return _record(
                {name: {**cedar_type(field.shape), "required": field.required} for name, field in fields.items()}
            )
        case UnionOf(branches=branches):
            return _record({kind.value: _optional(cedar_type(branch)) for kind, branch in branches.items()})
        case Opaque():
            # A record without attributes: `has` type-checks, every use of the value is a type error.
            return _record({})


def _record(attributes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Record", "attributes": attributes}


def _entity(name: str) -> dict[str, Any]:
    return {"type": "Entity", "name": name}


def _optional(kind: dict[str, Any]) -> dict[str, Any]:
    return {**kind, "required": False}
