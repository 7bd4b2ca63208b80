"""Generated conditions on everything but arguments: principal, action, resource, and the rest of the context."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pdp.core.catalog.tool import RiskLevel
from tests.property.drawing import Draw
from tests.property.generated_catalog import Definition
from tests.property.generated_people import (
    AGENTS,
    EMAILS,
    GROUPS,
    HOSTS,
    INSTANTS,
    LEVELS,
    ROLES,
    SCOPES,
    SESSIONS,
    TEAMS,
    TENANTS,
    USERS,
)
from tests.property.generated_view import View, entity, literal

_RANGES: Final = ("10.0.0.0/8", "10.1.2.3", "::1", "fd00::/8")
_ORDER: Final = ("<", "<=", ">", ">=")


def surrounding(draw: Draw, *, view: View) -> str:
    """A boolean expression that reads no argument."""
    return draw.choice(_FORMS)(draw, view)


def _principal(draw: Draw, view: View) -> str:
    kind, identifier = draw.choice((("User", draw.choice(USERS)), ("Agent", draw.choice(AGENTS))))
    group = entity("Group", draw.choice(GROUPS))
    return draw.choice(
        (
            f"principal in {group}",
            f"principal in {entity('Role', draw.choice(ROLES))}",
            f"principal in [{group}, {entity('Group', draw.choice(GROUPS))}]",
            f"principal == {entity(kind, identifier)}",
            f"principal is Mcp::{kind}",
            f"principal is Mcp::{kind} in {group}",
        )
    )


def _attributes(draw: Draw, view: View) -> str:
    return draw.choice(
        (
            f"principal has email && principal.email == {literal(draw.choice(EMAILS))}",
            'principal has email && principal.email like "*@example.com"',
            f"principal has level && principal.level {draw.choice(_ORDER)} {draw.choice(LEVELS)}",
            "principal has staff && principal.staff",
            f"principal has teams && principal.teams.contains({literal(draw.choice(TEAMS))})",
            f"principal has since && principal.since {draw.choice(_ORDER)} datetime({literal(draw.choice(INSTANTS))})",
            f"principal has desk && principal.desk.isInRange(ip({literal(draw.choice(_RANGES))}))",
            'principal has quota && principal.quota.lessThan(decimal("1.75"))',
            f"principal has tenant && principal.tenant == {entity('Tenant', draw.choice(TENANTS))}",
            "principal has tenant && principal in principal.tenant",
        )
    )


def _resource(draw: Draw, view: View) -> str:
    flag = draw.choice(("readOnly", "destructive", "idempotent", "openWorld", "pinned"))
    tool = draw.choice(view.tools).tool if view.tools else None
    forms = ["resource is Mcp::Tool", f"resource.{flag}", f"!resource.{flag}"]
    if tool is not None:
        forms += [
            f"resource.name == {literal(tool.name)}",
            f"resource.server == {literal(tool.server)}",
            f"resource in {entity('Server', tool.server)}",
            f"resource == {entity('Tool', tool.id)}",
        ]
        forms += [f"resource in {group}" for group in groups(view.tools)]
        forms += [f"resource.tags.contains({literal(tag)})" for each in view.tools for tag in each.tool.tags]
    forms += _ratings(draw)
    return " && ".join((*view.resource, draw.choice(forms)))


def groups(tools: Iterable[Definition]) -> list[str]:
    """The toolsets and tags that `tools` are in."""
    found = {entity("Toolset", name) for each in tools for name in each.tool.toolsets}
    return sorted(found | {entity("Tag", name) for each in tools for name in each.tool.tags})


def _ratings(draw: Draw) -> list[str]:
    levels = [literal(level) for level in draw.some(tuple(RiskLevel), least=2, most=3)]
    return [
        f"resource.risk == {levels[0]}",
        f"resource.risk != {levels[0]}",
        f"[{', '.join(levels)}].contains(resource.risk)",
        "resource.tags.isEmpty()",
    ]


def _action(draw: Draw, view: View) -> str:
    tools = [entity("Action", definition.tool.id) for definition in draw.some(view.tools, most=2)]
    group = entity("Action", "tools/call")
    forms = [f"action in {group}", f"action == {group}"]
    if tools:
        forms += [f"action == {tools[0]}", f"action in [{', '.join(tools)}]"]
    return draw.choice(forms)


def _scopes(draw: Draw, view: View) -> str:
    some = f"[{', '.join(literal(scope) for scope in draw.some(SCOPES, least=1, most=2))}]"
    return draw.choice(
        (
            f"context.scopes.contains({literal(draw.choice(SCOPES))})",
            f"context.scopes.containsAny({some})",
            f"context.scopes.containsAll({some})",
            "context.scopes.isEmpty()",
        )
    )


def _actor(draw: Draw, view: View) -> str:
    agent = entity("Agent", draw.choice(AGENTS))
    return draw.choice(
        (
            f"context has actor && context.actor == {agent}",
            "context has actor",
            f"context has delegation && context.delegation.members.contains({agent})",
            f"context has delegation && context.delegation.depth {draw.choice(_ORDER)} {draw.integer(0, 3)}",
            f"context has delegation && context.delegation.first == {agent}",
            "context has delegation && context has actor && context.delegation.last != context.actor",
        )
    )


def _ip(draw: Draw, view: View) -> str:
    return draw.choice(
        (
            f"context has ip && context.ip.isInRange(ip({literal(draw.choice(_RANGES))}))",
            "context has ip && context.ip.isLoopback()",
            "context has ip && context.ip.isIpv4()",
            "!(context has ip)",
        )
    )


def _now(draw: Draw, view: View) -> str:
    instant = f"datetime({literal(draw.choice(INSTANTS))})"
    order = draw.choice(_ORDER)
    return draw.choice(
        (
            f"context.now {order} {instant}",
            f'context.now.toTime() {order} duration("12h")',
            f'context.now.offset(duration("1d")) {order} {instant}',
            f'context.now.durationSince({instant}) {order} duration("500ms")',
        )
    )


def _named(draw: Draw, view: View) -> str:
    name, values = draw.choice(_NAMED)
    return draw.choice(
        (f"context has {name} && context.{name} == {literal(draw.choice(values))}", f"context has {name}")
    )


_NAMED: Final[Sequence[tuple[str, Sequence[str]]]] = (("session", SESSIONS), ("enforcer", HOSTS), ("transport", HOSTS))
_FORMS: Final[Sequence[Callable[[Draw, View], str]]] = (
    _scopes,
    _principal,
    _attributes,
    _resource,
    _action,
    _actor,
    _ip,
    _now,
    _named,
)
