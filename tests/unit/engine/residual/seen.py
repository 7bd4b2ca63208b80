"""One tool with any arguments, and whether a list shows it."""

from collections.abc import Mapping
from typing import Any

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.authzen import Action, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.engine.compile import compile_policies
from pdp.core.engine.residual.audience import Visibility
from pdp.core.engine.residual.listing import Listing

NOON = 1_785_240_000.0  # 2026-07-28T12:00:00Z
TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
CALL = 'principal, action == Mcp::Action::"box/put", resource'


def tool(
    properties: Mapping[str, Any],
    *,
    required: tuple[str, ...] | None = None,
    name: str = "put",
    marks: Mapping[str, Mark] | None = None,
    server: str = "box",
) -> Tool:
    """A tool; all of its arguments are required unless `required` says which."""
    schema = {"type": "object", "properties": dict(properties), "required": list(required or properties)}
    if required == ():
        schema["required"] = []
    return Tool(server=server, name=name, pin="sha256:1", input_schema=schema, marks=dict(marks or {}))


def asked(**context: Any) -> ResourceSearchRequest:
    subject = Subject("user", "corp|ann", {"groups": ["corp|eng"], "email": "ann@corp.example"})
    return ResourceSearchRequest(subject, Action("tools/call"), ResourceKind("tool"), context)


def listing(policies: str, *tools: Tool) -> Listing:
    """`policies` get an `@id` each, and may use `like` on any argument."""
    named = "".join(
        f'@id("p{number}") @acknowledge("like_unmarked never_matches always_matches shadowed")\n{each.strip()};\n'
        for number, each in enumerate(policies.split(";"))
        if each.strip()
    )
    catalog = Catalog(tools)
    return Listing(compile_policies({"policies/a.cedar": named.encode()}, catalog=catalog), catalog=catalog)


def seen(policies: str, only: Tool, *, now: float = NOON, **context: Any) -> Visibility:
    """Whether calls of the one tool there is are allowed."""
    return listing(policies, only).visibilities(asked(**context), now=now)[only.id]


def permitted(condition: str, only: Tool, **context: Any) -> Visibility:
    """The same under one `permit` with `condition`."""
    return seen(f"permit ({CALL}) when {{ {condition} }};", only, **context)
