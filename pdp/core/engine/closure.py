"""The entities of a request: principal, actor, delegates, action, resource, each with all ancestors.

INVARIANT: every entity that the request names is defined here; a missing parent would switch a
`forbid ... in` off.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.catalog.tool import Tool
from pdp.core.contract.checked_call import TOOLS_CALL, TOOLS_LIST
from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.request import AccessRequest
from pdp.core.engine.scope import Lineage
from pdp.core.identity.principal import PrincipalType

_TYPES = {PrincipalType.USER: "User", PrincipalType.AGENT: "Agent"}


@dataclass(frozen=True, slots=True)
class Closure:
    """The three lineages of a request and Cedar's handle on all its entities."""

    principal: Lineage
    action: Lineage
    resource: Lineage
    entities: cedar.Entities


def uid(kind: str, identifier: str) -> EntityUid:
    """The entity of one of our types."""
    return EntityUid(f"{NAMESPACE}::{kind}", identifier)


def tool_closure(request: AccessRequest, tool: Tool) -> Closure:
    """The closure of `request` calling `tool`."""
    principal, parents = principal_lineage(request)
    action = uid("Action", tool.id)
    call = uid("Action", TOOLS_CALL)
    resource = uid("Tool", tool.id)
    definitions = [
        *_principal_definitions(request, principal.uid, parents),
        _definition(action, parents=[call]),
        _definition(call),
        _definition(resource, parents=[uid("Server", tool.server)], attributes=_tool_attributes(tool)),
        *_server_definitions(tool),
    ]
    return Closure(
        principal=principal,
        action=Lineage(action, frozenset({action, call})),
        resource=Lineage(resource, frozenset({resource, *server_ancestors(tool)})),
        entities=cedar.entities(_distinct(definitions)),
    )


def principal_lineage(request: AccessRequest) -> tuple[Lineage, list[EntityUid]]:
    """The principal with its ancestors, and its parents alone."""
    principal = uid(_TYPES[request.type], request.id)
    properties = request.properties
    parents = [uid("Group", name) for name in properties.groups]
    parents += [uid("Role", name) for name in properties.roles]
    if properties.tenant is not None:
        parents.append(uid("Tenant", properties.tenant))
    return Lineage(principal, frozenset({principal, *parents})), parents


def server_ancestors(tool: Tool) -> list[EntityUid]:
    """The tool's server and the tenant that owns it."""
    owner = [] if tool.tenant is None else [uid("Tenant", tool.tenant)]
    return [uid("Server", tool.server), *owner]


def list_lineage() -> Lineage:
    """The action of listing tools."""
    action = uid("Action", TOOLS_LIST)
    return Lineage(action, frozenset({action}))


def _principal_definitions(
    request: AccessRequest, principal: EntityUid, parents: list[EntityUid]
) -> Iterable[dict[str, Any]]:
    attributes: dict[str, Any] = {}
    if request.properties.email is not None:
        attributes["email"] = request.properties.email
    if request.properties.tenant is not None:
        attributes["tenant"] = {"__entity": uid("Tenant", request.properties.tenant).as_json()}
    yield _definition(principal, parents=parents, attributes=attributes)
    for parent in parents:
        yield _definition(parent)
    delegation = request.context.delegation
    agents = [] if delegation is None else [delegation.first, delegation.last, *delegation.members]
    if request.context.actor is not None:
        agents.append(request.context.actor)
    for agent in agents:
        yield _definition(uid("Agent", agent))


def _server_definitions(tool: Tool) -> Iterable[dict[str, Any]]:
    server, *owner = server_ancestors(tool)
    yield _definition(server, parents=owner)
    for tenant in owner:
        yield _definition(tenant)


def _tool_attributes(tool: Tool) -> dict[str, Any]:
    """MCP gives `destructiveHint` and `idempotentHint` a meaning only where `readOnlyHint` is false."""
    hints, counted = tool.annotations, tool.trusted
    read_only = counted and hints.readOnlyHint
    return {
        "name": tool.name,
        "server": tool.server,
        "digest": tool.pin,
        "pinned": True,
        "readOnly": read_only,
        "destructive": not read_only and (not counted or hints.destructiveHint),
        "idempotent": read_only or (counted and hints.idempotentHint),
        "openWorld": not counted or hints.openWorldHint,
    }


def _definition(
    entity: EntityUid, *, parents: Iterable[EntityUid] = (), attributes: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"uid": entity.as_json(), "attrs": attributes or {}, "parents": [parent.as_json() for parent in parents]}


def _fullness(definition: dict[str, Any]) -> int:
    return len(definition["parents"]) + len(definition["attrs"])


def _distinct(definitions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One definition an entity; the fullest wins, so that a bare mention never empties a principal."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for definition in definitions:
        key = (definition["uid"]["type"], definition["uid"]["id"])
        if key not in found or _fullness(definition) > _fullness(found[key]):
            found[key] = definition
    return list(found.values())
