"""The entities of a request: principal, actor, delegates, action, resource, literals, and what they reach.

INVARIANT: every entity that can be asked for an ancestor or an attribute is defined here; a missing
parent would switch a `forbid ... in` off.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.catalog.tool import Tool
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.expression import situation
from pdp.core.engine.expression.value import value_of
from pdp.core.engine.request import AccessRequest
from pdp.core.engine.scope import Lineage
from pdp.core.identity.principal import PrincipalType

_TYPES = {PrincipalType.USER: "User", PrincipalType.AGENT: "Agent"}


@dataclass(frozen=True, slots=True)
class Entity:
    """What is known of an entity: its attributes in Cedar's JSON form, and its parents."""

    uid: EntityUid
    attributes: Mapping[str, Any]
    parents: tuple[EntityUid, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Cedar's JSON form."""
        parents = [parent.as_json() for parent in self.parents]
        return {"uid": self.uid.as_json(), "attrs": self.attributes, "parents": parents}

    def mentions(self) -> Iterator[EntityUid]:
        """The entities that its parents and attributes name."""
        yield from self.parents
        for value in self.attributes.values():
            if isinstance(value, dict) and "__entity" in value:
                yield EntityUid(**value["__entity"])


def uid(kind: str, identifier: str) -> EntityUid:
    """The entity of one of our types."""
    return EntityUid(f"{NAMESPACE}::{kind}", identifier)


def principal_entities(request: AccessRequest) -> list[Entity]:
    """The principal, first, its ancestors, and the agents acting for it."""
    properties, context = request.properties, request.context
    principal = uid(_TYPES[request.type], request.id)
    parents = [uid("Group", name) for name in properties.groups]
    parents += [uid("Role", name) for name in properties.roles]
    attributes: dict[str, Any] = dict(request.attributes)
    if properties.tenant is not None:
        tenant = uid("Tenant", properties.tenant)
        parents.append(tenant)
        attributes["tenant"] = {"__entity": tenant.as_json()}
    chain = context.delegation
    agents = [] if chain is None else [chain.first, chain.last, *chain.members]
    if context.actor is not None:
        agents.append(context.actor)
    bare = [*parents, *(uid("Agent", agent) for agent in agents)]
    return [Entity(principal, attributes, tuple(parents)), *(Entity(one, {}) for one in bare)]


def action_entities(tool: Tool) -> list[Entity]:
    """The action of calling `tool`, first, and the group of all calls."""
    call = uid("Action", TOOLS_CALL)
    return [Entity(uid("Action", tool.id), {}, (call,)), Entity(call, {})]


def tool_entities(tool: Tool) -> list[Entity]:
    """`tool`, first, with its toolsets and tags, its server and the tenant that owns that.

    INVARIANT: all of its toolsets and tags, whoever asks; a missing one would switch a `forbid ... in` off.
    """
    server = uid("Server", tool.server)
    groups = [uid("Toolset", name) for name in tool.toolsets] + [uid("Tag", name) for name in tool.tags]
    own = Entity(uid("Tool", tool.id), _tool_attributes(tool), (server, *groups))
    return [own, *(Entity(group, {}) for group in groups), *server_entities(server, tool.tenant)]


def server_entities(server: EntityUid, tenant: str | None) -> list[Entity]:
    """A server, first, and the tenant that owns it."""
    owner = () if tenant is None else (uid("Tenant", tenant),)
    return [Entity(server, {}, owner), *(Entity(one, {}) for one in owner)]


def literal_entities(literal: EntityUid, catalog: Catalog) -> list[Entity]:
    """What is known of an entity that a policy names; of principals other than the asking one, nothing."""
    tool = catalog.find(literal.id)
    if literal.type == f"{NAMESPACE}::Tool" and tool is not None:
        return tool_entities(tool)
    if literal.type == f"{NAMESPACE}::Action" and tool is not None:
        return action_entities(tool)
    if literal.type == f"{NAMESPACE}::Server":
        return server_entities(literal, catalog.tenant_of(literal.id))
    return [Entity(literal, {})]


def defined(entities: Iterable[Entity]) -> dict[EntityUid, Entity]:
    """One definition an entity; the fullest wins, so that a bare mention never empties a principal, then the first."""
    found: dict[EntityUid, Entity] = {}
    for entity in entities:
        known = found.get(entity.uid)
        if known is None or _fullness(entity) > _fullness(known):
            found[entity.uid] = entity
    return found


def lineage(entity: EntityUid, entities: Mapping[EntityUid, Entity]) -> Lineage:
    """`entity` with all its ancestors among `entities`."""
    ancestors = {entity}
    waiting = [entity]
    while waiting:
        known = entities.get(waiting.pop())
        above = () if known is None else known.parents
        found = [parent for parent in above if parent not in ancestors]
        ancestors.update(found)
        waiting += found
    return Lineage(entity, frozenset(ancestors))


def closed(entities: Mapping[EntityUid, Entity], named: Iterable[EntityUid]) -> cedar.Entities:
    """Cedar's handle on `entities`.

    Raises:
        Refused: `request_invalid`, when one of `named`, or one that an entity mentions, has no definition.

    """
    wanted = {*named, *(mention for entity in entities.values() for mention in entity.mentions())}
    if not wanted <= entities.keys():
        raise Refused(ReasonCode.REQUEST_INVALID, "an entity of the request has no definition")
    return cedar.entities(entity.as_json() for entity in entities.values())


def evaluated(entities: Mapping[EntityUid, Entity]) -> dict[EntityUid, situation.Entity]:
    """`entities` as expressions see them."""
    return {
        uid: situation.Entity(
            frozenset(lineage(uid, entities).ancestors),
            {name: value_of(form) for name, form in entity.attributes.items()},
        )
        for uid, entity in entities.items()
    }


def _fullness(entity: Entity) -> int:
    return len(entity.parents) + len(entity.attributes)


def _tool_attributes(tool: Tool) -> dict[str, Any]:
    """MCP gives `destructiveHint` and `idempotentHint` a meaning only where `readOnlyHint` is false.

    INVARIANT: annotations were approved with the definition, so they count only where it is the one there is.
    """
    hints, counted = tool.annotations, tool.trusted and tool.pinned
    read_only = counted and hints.readOnlyHint
    return {
        "name": tool.name,
        "server": tool.server,
        "digest": tool.digest,
        "pinned": tool.pinned,
        "risk": tool.risk.value,
        "tags": list(tool.tags),
        "readOnly": read_only,
        "destructive": not read_only and (not counted or hints.destructiveHint),
        "idempotent": read_only or (counted and hints.idempotentHint),
        "openWorld": not counted or hints.openWorldHint,
    }
