"""What a catalog offers to policies: names, the calls that a scope reaches, arguments and their marks.

A call is named by its resource: `server/tool` is the call of that tool, `server` is listing its tools, and
`server/` the call of any tool that nobody approved, where the catalog lets such be called. Requests have no
other actions and resources than these, and each has one action and one resource.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, TypeAlias

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.cedar_schema import NAMESPACE, cedar_schema
from pdp.core.catalog.marks import mark_at
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.checked_call import TOOLS_CALL, TOOLS_LIST
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.action_classes import ACTION, ActionClasses
from pdp.core.engine.dependencies import Path
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapping import IdentityMapping

SERVER, TOOL, TENANT, TOOLSET, TAG = (f"{NAMESPACE}::{kind}" for kind in ("Server", "Tool", "Tenant", "Toolset", "Tag"))

Calls: TypeAlias = frozenset[str]
_Entity: TypeAlias = tuple[str, str]
_NONE: Final[Calls] = frozenset()


class Vocabulary:
    """One catalog and claims mapping as policies can speak of them; holds what it worked out.

    `aliases` are those of issuers that have principals, None where any may have.
    """

    def __init__(self, catalog: Catalog, *, mapping: IdentityMapping = BUILT_IN) -> None:
        self.tools: Mapping[str, Tool] = {tool.id: tool for tool in catalog.tools()}
        self.tool_ids: Calls = frozenset(self.tools)
        self.servers: Calls = catalog.servers()
        self.toolsets = catalog.toolsets
        self.tags = catalog.tags
        self._strays: Calls = frozenset(f"{server}/" for server in catalog.unpinned_servers)
        self.schema = cedar_schema(catalog.tools(), attributes=mapping.attributes)
        self.attributes = frozenset({*mapping.attributes, "tenant"})
        self.aliases = mapping.aliases
        self.classes = ActionClasses(self.schema)
        self._below_entity = _grouped((entity, call) for call, above in _above(catalog) for entity in above)
        self.tenants = frozenset(name for kind, name in self._below_entity if kind == TENANT)
        self._reached: dict[tuple[pst.ActionConstraint, pst.PrincipalOrResourceConstraint], Calls] = {}
        self._declaring: dict[Path, Calls] = {}
        self._shapes: dict[str, RecordOf] = {}

    @cached_property
    def actions(self) -> frozenset[str]:
        """Every action of the schema."""
        return frozenset(self.schema[NAMESPACE]["actions"])

    @cached_property
    def types(self) -> frozenset[str]:
        """Every entity type, actions included, with its namespace."""
        return frozenset({ACTION, *(f"{NAMESPACE}::{kind}" for kind in self.schema[NAMESPACE]["entityTypes"])})

    @cached_property
    def calls(self) -> Calls:
        """Every call there is."""
        return self._tool_calls | self.servers

    def reached(self, action: pst.ActionConstraint, *, resource: pst.PrincipalOrResourceConstraint) -> Calls:
        """The calls that a scope with these constraints lets in, whoever calls."""
        key = (action, resource)
        found = self._reached.get(key)
        if found is None:
            found = self._reached[key] = self._by_action(action) & self._by_resource(resource)
        return found

    def declaring(self, path: Path) -> Calls:
        """The tools whose arguments have a place `path`."""
        found = self._declaring.get(path)
        if found is None:
            found = self._declaring[path] = self.classes.declares(path) & self.tool_ids
        return found

    def mark(self, tool_id: str, path: Path) -> Mark | None:
        """How the catalog marks the texts at `path` in the arguments of a tool."""
        tool = self.tools[tool_id]
        if not tool.marks:
            return None
        shape = self._shapes.get(tool_id)
        if shape is None:
            shape = self._shapes[tool_id] = arguments_shape(tool.input_schema)
        return mark_at(tool.marks, path, shape=shape)

    @cached_property
    def _tool_calls(self) -> Calls:
        return self.tool_ids | self._strays

    def _by_action(self, action: pst.ActionConstraint) -> Calls:
        match action:
            case pst.ScopeAny():
                return self.calls
            case pst.ActionEq(entity=entity):
                return self._called_by(entity)
            case pst.ActionIn(entities=entities):
                return _NONE.union(*(self._called_in(entity) for entity in entities))

    def _called_by(self, entity: pst.EntityUid) -> Calls:
        if str(entity.type) != ACTION:
            return _NONE
        if entity.id == TOOLS_LIST:
            return self.servers
        return frozenset({entity.id}) & self.tool_ids

    def _called_in(self, entity: pst.EntityUid) -> Calls:
        if str(entity.type) == ACTION and entity.id == TOOLS_CALL:
            return self._tool_calls
        return self._called_by(entity)

    def _by_resource(self, resource: pst.PrincipalOrResourceConstraint) -> Calls:
        match resource:
            case pst.ScopeAny():
                return self.calls
            case pst.ScopeEq(entity=entity):
                return self._named(entity)
            case pst.ScopeIn(entity=entity):
                return self._below(entity)
            case pst.ScopeIs(entity_type=kind):
                return self._of_type(str(kind))
            case pst.ScopeIsIn(entity_type=kind, entity=entity):
                return self._of_type(str(kind)) & self._below(entity)

    def _of_type(self, kind: str) -> Calls:
        return {TOOL: self._tool_calls, SERVER: self.servers}.get(kind, _NONE)

    def _named(self, entity: pst.EntityOrSlot) -> Calls:
        """The call whose resource `entity` is; a slot may be filled with any."""
        if isinstance(entity, pst.Slot):
            return self.calls
        return frozenset({entity.id}) & self._of_type(str(entity.type))

    def _below(self, entity: pst.EntityOrSlot) -> Calls:
        if isinstance(entity, pst.Slot):
            return self.calls
        return self._below_entity.get((str(entity.type), entity.id), _NONE) | self._named(entity)


def _above(catalog: Catalog) -> Iterator[tuple[str, Iterable[_Entity]]]:
    """Each call with what its resource is in; a stray call may be in whatever tools of its server can be in."""
    for tool in catalog.tools():
        groups = [*((TOOLSET, name) for name in tool.toolsets), *((TAG, name) for name in tool.tags)]
        yield tool.id, [(SERVER, tool.server), *_owner(catalog, tool.server), *groups]
    for server in catalog.unpinned_servers:
        reaching = ((TOOLSET, catalog.facts.toolsets), (TAG, catalog.facts.tags))
        groups = [(kind, name) for kind, named in reaching for name in named.reaching(server)]
        yield f"{server}/", [(SERVER, server), *_owner(catalog, server), *groups]
    for server in catalog.servers():
        yield server, _owner(catalog, server)


def _owner(catalog: Catalog, server: str) -> list[_Entity]:
    tenant = catalog.tenant_of(server)
    return [] if tenant is None else [(TENANT, tenant)]


def _grouped(pairs: Iterable[tuple[_Entity, str]]) -> Mapping[_Entity, Calls]:
    groups: dict[_Entity, set[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in groups.items()}
