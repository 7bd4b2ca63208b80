"""Slices: the policies that can match one principal, action and resource, ready to be evaluated."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cachetools

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.catalog.tool import Tool
from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.closure import (
    Entity,
    action_entities,
    closed,
    defined,
    lineage,
    literal_entities,
    principal_entities,
    tool_entities,
)
from pdp.core.engine.compile import CompiledPolicies
from pdp.core.engine.dependencies import Path
from pdp.core.engine.expression.tree import literals
from pdp.core.engine.lasting import Flip, flips_of
from pdp.core.engine.policy import Policy
from pdp.core.engine.request import AccessRequest
from pdp.core.engine.scope import Lineage
from pdp.core.engine.step_up import named_scopes
from pdp.core.engine.view import View, as_written, vary_of, view_of

_SLICES = 4096
_STRAY_SLICES = 256
_GROUPS = 4096
_CALLED = 1024
_NOTHING = RecordOf({})


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """Policies that are evaluated together, by id: Cedar's handle on them, what they see and name.

    `scopes` are the OAuth scopes that they look for.
    """

    ids: tuple[str, ...]
    policies: tuple[Policy, ...]
    handle: cedar.Policies
    view: View
    literals: frozenset[EntityUid]
    flips: tuple[Flip, ...]
    scopes: frozenset[str]

    def blind(self, lost: Iterable[Path]) -> tuple[str, ...]:
        """The policies that read one of the places `lost` in the context."""
        places = tuple(lost)
        return tuple(
            policy.id
            for policy in self.policies
            if any(read.touches(place) for read in policy.reads for place in places)
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """The policies that can match a request, its principal, action and resource, and all its entities.

    `vary` names, as JSON Pointers into the request, every place where another value can make another
    decision for the same principal, actor, delegation, scopes, action and resource.
    """

    group: PolicyGroup
    named: tuple[EntityUid, EntityUid, EntityUid]
    known: Mapping[EntityUid, Entity]
    entities: cedar.Entities
    question: cedar.Question
    shape: RecordOf
    vary: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Called:
    """What all slices of one tool have in common."""

    action: Lineage
    resource: Lineage
    entities: Mapping[EntityUid, Entity]
    shape: RecordOf


class Slices:
    """Finds the slice of a request; holds slices, and the groups of policies that many slices share."""

    def __init__(self, compiled: CompiledPolicies, *, catalog: Catalog) -> None:
        self._compiled = compiled
        self._catalog = catalog
        self._approved: dict[str, _Called] = {
            tool.id: _called(tool, shape=arguments_shape(tool.input_schema)) for tool in catalog.tools()
        }
        self._called: cachetools.LRUCache[object, _Called] = cachetools.LRUCache(_CALLED)
        self._slices: cachetools.LRUCache[object, Slice] = cachetools.LRUCache(_SLICES)
        self._stray_slices: cachetools.LRUCache[object, Slice] = cachetools.LRUCache(_STRAY_SLICES)
        self._groups: cachetools.LRUCache[tuple[str, ...], PolicyGroup] = cachetools.LRUCache(_GROUPS)
        self._varying: cachetools.LRUCache[object, tuple[str, ...]] = cachetools.LRUCache(_GROUPS)

    def of(self, access: AccessRequest, tool: Tool) -> Slice:
        """The slice of `access` calling `tool`.

        Raises:
            Refused: `request_invalid`, when an entity has no definition.

        """
        context = access.context
        who = access.type, access.id, access.properties, context.actor, context.delegation
        key = (*_definition(tool), *who)
        # Whoever offers ever new definitions takes no room from the slices of approved ones.
        held = self._slices if tool.offered is None and tool.pin else self._stray_slices
        found = held.get(key)
        if found is None:
            found = held[key] = self._find(access, tool)
        return found

    def _find(self, access: AccessRequest, tool: Tool) -> Slice:
        called = self._called_of(tool)
        principal = principal_entities(access)
        entities = defined((*principal, *called.entities.values()))
        asking = lineage(principal[0].uid, entities)
        group = self._group(
            self._compiled.index.matching(principal=asking, action=called.action, resource=called.resource)
        )
        if group.literals:
            # INVARIANT: the called tool comes first, so it is as in this request also where a policy names it.
            entities = defined((*entities.values(), *self._of_literals(group.literals)))
        named = (asking.uid, called.action.uid, called.resource.uid)
        handle = closed(entities, (*named, *group.literals))
        return Slice(group, named, entities, handle, cedar.question(*named), called.shape, self._vary(group, tool))

    def _group(self, policies: tuple[Policy, ...]) -> PolicyGroup:
        ids = tuple(policy.id for policy in policies)
        found = self._groups.get(ids)
        if found is None:
            found = self._groups[ids] = PolicyGroup(
                ids,
                policies,
                cedar.policy_set(policy.tree for policy in policies),
                view_of(read for policy in policies for read in policy.reads),
                frozenset(_named(policies)),
                flips_of(policy.tree for policy in policies),
                named_scopes(policy.tree for policy in policies),
            )
        return found

    def _called_of(self, tool: Tool) -> _Called:
        if tool.pinned:
            return self._approved[tool.id]
        key = _definition(tool)
        found = self._called.get(key)
        if found is None:
            approved = self._approved.get(tool.id)
            found = self._called[key] = _called(tool, shape=_NOTHING if approved is None else approved.shape)
        return found

    def _vary(self, group: PolicyGroup, tool: Tool) -> tuple[str, ...]:
        """What calls of the tool vary by under `group`: where its arguments are written depends on its shape."""
        key = (tool.id if tool.pin else None, group.ids)
        found = self._varying.get(key)
        if found is None:
            shape = self._called_of(tool).shape
            reads = {as_written(read, shape) for policy in group.policies for read in policy.reads}
            found = self._varying[key] = vary_of(reads)
        return found

    def _of_literals(self, named: Iterable[EntityUid]) -> Iterator[Entity]:
        for literal in named:
            yield from literal_entities(literal, self._catalog)


def _definition(tool: Tool) -> tuple[object, ...]:
    """What tells apart the tools that one catalog resolves."""
    return tool.id, tool.pinned, tool.offered


def _called(tool: Tool, *, shape: RecordOf) -> _Called:
    action, resource = action_entities(tool), tool_entities(tool)
    entities = defined((*action, *resource))
    return _Called(
        action=lineage(action[0].uid, entities),
        resource=lineage(resource[0].uid, entities),
        entities=entities,
        shape=shape,
    )


def _named(policies: Iterable[Policy]) -> Iterator[EntityUid]:
    for policy in policies:
        for clause in policy.clauses:
            yield from literals(clause.expr)
