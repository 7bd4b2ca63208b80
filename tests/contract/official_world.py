"""The world of the official generator (PyPI cedar-policy-mcp-schema-generator): its schema, its requests, its values.

The Python package keeps the context of a request to itself. So the arguments are put as a value into a schema
around the tool's own, where it hands them out as an entity's tag, and are taken from there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cedar_mcp_schema_generator as official
import cedarpy

STUB = """
namespace MCP {
  @mcp_principal("User") entity User;
  @mcp_resource("McpServer") entity McpServer;
  @mcp_action("call_tool") action call_tool appliesTo { principal: [User], resource: [McpServer], context: {} };
}
"""
ENTITIES: Mapping[str, bool] = {"numbersAsDecimal": True}
"""How the generator is set: objects are entities, as by default, but a number is no name of an entity."""
RECORDS: Mapping[str, bool] = {"numbersAsDecimal": True, "objectsAsRecords": True}
_SCALARS = {"String", "Long", "Bool", "decimal", "datetime", "ipaddr"}


class NotTakenError(Exception):
    """The generator does not take it; the message is its own."""


@dataclass(frozen=True)
class Type:
    """A type: its name, the attributes of a record or entity with whether they must be there, a set's element."""

    name: str
    attributes: Mapping[str, tuple["Type", bool]] | None = None
    element: "Type | None" = None
    choices: tuple[str, ...] = ()


class OfficialTool:
    """One tool as the generator sees it."""

    def __init__(self, name: str, input_schema: Mapping[str, Any], *, config: Mapping[str, bool]) -> None:
        self.name = name
        self._config = dict(config)
        self._input_schema = input_schema
        self.form: dict[str, Any] = schema_of([described(name, input_schema)], config=config)
        self.cedar = cedarpy.Schema.from_json_str(json.dumps(self.form))

    def arguments_type(self) -> Type:
        """The type of `context.input`."""
        context = self.form["MCP"]["actions"][self.name]["appliesTo"]["context"]
        return self._type(context["attributes"]["input"], namespace="MCP")

    def request(self, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A request in cedarpy's form, and its entities.

        Raises:
            NotTakenError: the generator refuses the arguments.

        """
        asked = self._generated(self._input_schema, arguments)
        values, entities = self._values(arguments)
        named = {part: asked[part] for part in ("principal", "action", "resource")}
        return {**named, "context": json.dumps({"input": values})}, entities

    def _values(self, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        kept = {name: self._input_schema[name] for name in ("$defs",) if name in self._input_schema}
        around = {
            "type": "object",
            "properties": {"arguments": {"type": "object", "additionalProperties": dict(self._input_schema)}},
            **kept,
        }
        asked = self._generated(around, {"arguments": {"k": arguments}})
        own, inner = f"MCP::{self.name}::Input::", f"MCP::{self.name}::Input::arguments::k"
        renamed = asked["entitiesJson"].replace(f"{inner}::", own)
        entities: list[dict[str, Any]] = json.loads(renamed)
        (holder,) = (entity for entity in entities if entity["uid"]["type"] == f"{own}arguments")
        value = holder["tags"]["k"]
        rest = [entity for entity in entities if entity is not holder]
        if "__entity" in value and value["__entity"]["type"] == inner:
            (whole,) = (entity for entity in rest if entity["uid"]["type"] == inner)
            value = whole["attrs"]
            rest.remove(whole)
        return value, rest

    def _generated(self, input_schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
        asked: dict[str, Any] = official.generate_request(
            STUB,
            [described(self.name, input_schema)],
            {"params": {"tool": self.name, "args": arguments}},
            principal_type="User",
            principal_id="alice",
            resource_type="McpServer",
            resource_id="s",
            config=self._config,
        )
        if not asked["isOk"]:
            raise NotTakenError(asked["error"])
        return asked

    def _type(self, form: Mapping[str, Any], *, namespace: str) -> Type:
        if form["type"] == "Record":
            return Type("Record", self._attributes(form, namespace=namespace))
        if form["type"] == "Set":
            return Type("Set", element=self._type(form["element"], namespace=namespace))
        name = form.get("name", form["type"])
        if name in _SCALARS:
            return Type(name)
        inside, _, last = name.rpartition("::")
        known = self.form[inside or namespace]
        if last in known.get("commonTypes", {}):
            return self._type(known["commonTypes"][last], namespace=inside or namespace)
        entity = known["entityTypes"][last]
        if "enum" in entity:
            return Type(name, choices=tuple(entity["enum"]))
        return Type(name, self._attributes(entity.get("shape", {}), namespace=inside or namespace))

    def _attributes(self, form: Mapping[str, Any], *, namespace: str) -> dict[str, tuple[Type, bool]]:
        return {
            name: (self._type(part, namespace=namespace), part.get("required", True))
            for name, part in form.get("attributes", {}).items()
        }


def described(name: str, input_schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": "", "inputSchema": dict(input_schema)}


def schema_of(tools: list[dict[str, Any]], *, config: Mapping[str, bool]) -> dict[str, Any]:
    """Its schema in Cedar's JSON form.

    Raises:
        NotTakenError: it makes none.

    """
    made = official.generate_schema(STUB, tools, config=dict(config))
    if not made["isOk"]:
        raise NotTakenError(made["error"])
    form: dict[str, Any] = json.loads(made["schemaJson"])
    return form
