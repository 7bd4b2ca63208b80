"""Slices: the policies that can match one principal, action and resource, ready to be evaluated."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cachetools

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.shape import RecordOf, arguments_shape
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
from pdp.core.engine.policy import Policy
from pdp.core.engine.request import AccessRequest
from pdp.core.engine.scope import Lineage
from pdp.core.engine.view import View, view_of

_SLICES = 4096
_HANDLES = 4096


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """Policies that are evaluated together, by id: Cedar's handle on them, what they see and name."""

    policies: tuple[Policy, ...]
    handle: cedar.Policies
    view: View
    literals: frozenset[EntityUid]

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
    """The policies that can match a request, and its entities."""

    group: PolicyGroup
    entities: cedar.Entities
    question: cedar.Question
    shape: RecordOf


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
        self._called: dict[str, _Called] = {tool.id: _called(tool) for tool in catalog.tools()}
        self._slices: cachetools.LRUCache[object, Slice] = cachetools.LRUCache(_SLICES)
        self._groups: cachetools.LRUCache[tuple[str, ...], PolicyGroup] = cachetools.LRUCache(_HANDLES)

    def of(self, access: AccessRequest, tool: Tool) -> Slice:
        """The slice of `access` calling `tool`.

        Raises:
            Refused: `request_invalid`, when an entity has no definition.

        """
        context = access.context
        key = (tool.id, access.type, access.id, access.properties, context.actor, context.delegation)
        found = self._slices.get(key)
        if found is None:
            found = self._slices[key] = self._find(access, tool)
        return found

    def _find(self, access: AccessRequest, tool: Tool) -> Slice:
        called = self._called[tool.id]
        principal = principal_entities(access)
        entities = defined((*principal, *called.entities.values()))
        asking = lineage(principal[0].uid, entities)
        group = self._group(
            self._compiled.index.matching(principal=asking, action=called.action, resource=called.resource)
        )
        if group.literals:
            entities = defined((*entities.values(), *self._of_literals(group.literals)))
        named = (asking.uid, called.action.uid, called.resource.uid)
        handle = closed(entities, (*named, *group.literals))
        return Slice(group, handle, cedar.question(*named), called.shape)

    def _group(self, policies: tuple[Policy, ...]) -> PolicyGroup:
        key = tuple(policy.id for policy in policies)
        found = self._groups.get(key)
        if found is None:
            found = self._groups[key] = PolicyGroup(
                policies,
                cedar.policy_set(policy.tree for policy in policies),
                view_of(read for policy in policies for read in policy.reads),
                frozenset(_named(policies)),
            )
        return found

    def _of_literals(self, named: Iterable[EntityUid]) -> Iterator[Entity]:
        for literal in named:
            yield from literal_entities(literal, self._catalog)


def _called(tool: Tool) -> _Called:
    action, resource = action_entities(tool), tool_entities(tool)
    entities = defined((*action, *resource))
    return _Called(
        action=lineage(action[0].uid, entities),
        resource=lineage(resource[0].uid, entities),
        entities=entities,
        shape=arguments_shape(tool.input_schema),
    )


def _named(policies: Iterable[Policy]) -> Iterator[EntityUid]:
    for policy in policies:
        for clause in policy.clauses:
            yield from literals(clause.expr)
