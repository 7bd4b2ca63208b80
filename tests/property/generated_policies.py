"""Generated policies as Cedar text: scopes of every form, conditions, annotations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.property.drawing import Draw
from tests.property.generated_catalog import Definition
from tests.property.generated_conditions import condition
from tests.property.generated_people import AGENTS, GROUPS, ROLES, TENANTS, USERS
from tests.property.generated_surroundings import groups
from tests.property.generated_view import View, entity, view

_CALL: Final = "tools/call"
_LIST: Final = "tools/list"
_OVERFLOW: Final = "9223372036854775807 + 1 > 0"


@dataclass(frozen=True, slots=True)
class _Head:
    """An action constraint with a resource constraint, and what conditions see under both."""

    action: str
    resource: str
    view: View


def policy(draw: Draw, *, key: str, tools: Sequence[Definition]) -> str:
    """One policy with `key` as its `@id`."""
    effect = draw.choice(("permit", "permit", "permit", "forbid", "forbid"))
    head = _head(draw, tools)
    clauses = [
        _clause(draw, seen=head.view, failing=35 if effect == "forbid" else 15)
        for _ in range(draw.choice((1, 1, 0, 2)))
    ]
    scope = f"{effect}({_principal(draw)}, {head.action}, {head.resource})"
    known = '@acknowledge("argument_unknown like_unmarked never_matches")'
    return "\n".join((f'@id("{key}")', known, *_annotations(draw, effect=effect), scope, *clauses)) + ";"


def _annotations(draw: Draw, *, effect: str) -> list[str]:
    found = [f'@message("{draw.choice(("ask security", "not here"))}")'] if draw.chance(40) else []
    if effect == "permit" and draw.chance(25):
        found.append(f'@obligation("{draw.choice(("mask", "tell"))}")')
    return found


def _clause(draw: Draw, *, seen: View, failing: int) -> str:
    keyword = "unless" if draw.chance(25) else "when"
    text = condition(draw, view=seen)
    if draw.chance(failing):
        text = draw.choice((f"({text}) && {_OVERFLOW}", f"if {text} then {_OVERFLOW} else true"))
    return f"{keyword} {{ {text} }}"


def _principal(draw: Draw) -> str:
    if draw.chance(50):
        return "principal"
    kind = draw.choice(("User", "Agent"))
    parent = draw.choice(
        (
            entity("Group", draw.choice(GROUPS)),
            entity("Role", draw.choice(ROLES)),
            entity("Tenant", draw.choice(TENANTS)),
        )
    )
    same = entity(kind, draw.choice(USERS if kind == "User" else AGENTS))
    forms = (f"== {same}", f"in {parent}", f"in {parent}", f"is Mcp::{kind}", f"is Mcp::{kind} in {parent}")
    return f"principal {draw.choice(forms)}"


def _head(draw: Draw, tools: Sequence[Definition]) -> _Head:
    """INVARIANT: some request fits action and resource together, else Cedar's validation finds a policy for nothing."""
    form = draw.choice(("group", "one", "any", "list", "mixed", "listing"))
    if form == "listing" and draw.chance(60):
        form = "one"
    match form:
        case "one":
            tool = draw.choice(tools)
            name = entity("Action", tool.tool.id)
            action = draw.choice((f"action == {name}", f"action in {name}", f"action in [{name}]"))
            return _Head(action, _resource(draw, [tool]), view([tool]))
        case "list":
            chosen = [draw.choice(tools) for _ in range(draw.integer(1, 3))]
            names = ", ".join(entity("Action", tool.tool.id) for tool in chosen)
            return _Head(f"action in [{names}]", _resource(draw, chosen), view(_distinct(chosen)))
        case "group":
            return _Head(f"action in {entity('Action', _CALL)}", _resource(draw, tools), view(tools))
        case "mixed":
            names = f"{entity('Action', draw.choice(tools).tool.id)}, {entity('Action', _CALL)}"
            return _Head(f"action in [{names}]", _resource(draw, tools), view(tools))
        case "listing":
            server = entity("Server", draw.choice(tools).tool.server)
            resource = draw.choice(("resource", "resource is Mcp::Server", f"resource == {server}"))
            return _Head(f"action == {entity('Action', _LIST)}", resource, view([], bare=[_LIST]))
        case _:
            return _Head("action", _resource(draw, tools), view(tools, bare=[_LIST]))


def _resource(draw: Draw, tools: Sequence[Definition]) -> str:
    if draw.chance(45):
        return "resource"
    tool = draw.choice(tools).tool
    server = entity("Server", tool.server)
    forms = [
        f"resource in {server}",
        "resource is Mcp::Tool",
        f"resource is Mcp::Tool in {server}",
        f"resource == {entity('Tool', tool.id)}",
        f"resource in {entity('Tool', tool.id)}",
    ]
    around = groups([Definition(tool, ())])
    forms += [form for group in around for form in (f"resource in {group}", f"resource is Mcp::Tool in {group}")]
    if tool.tenant is not None:
        owner = entity("Tenant", tool.tenant)
        forms += [f"resource in {owner}", f"resource is Mcp::Tool in {owner}"]
    return draw.choice(forms)


def _distinct(tools: Sequence[Definition]) -> list[Definition]:
    return list({tool.tool.id: tool for tool in tools}.values())
