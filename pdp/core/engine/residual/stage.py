"""What the listing of tools needs to know of a catalog, found out once."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import cachetools

from pdp.core.catalog.marks import Steps, steps_of
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.schema.shape import Field, RecordOf
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.checked_call import TOOLS_LIST
from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.closure import action_entities, defined, evaluated, tool_entities, uid
from pdp.core.engine.dependencies import Read
from pdp.core.engine.expression.situation import Entity
from pdp.core.engine.expression.value import Value
from pdp.core.engine.index import Keys, satisfied
from pdp.core.engine.residual.room import has_opaque, room
from pdp.core.engine.residual.standing import Standing
from pdp.core.engine.scope import Lineage

LISTING: Final = Lineage(uid("Action", TOOLS_LIST), frozenset({uid("Action", TOOLS_LIST)}))

_NARROWED: Final = 8192
_STANDINGS: Final = 65_536
_NOBODY: Final[Mapping[EntityUid, Entity]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Card:
    """A tool: its entities with the keys they satisfy, the scopes that it needs, and its arguments.

    Two fields with one number in `kinds` have the same shape and marks. In a `lossy` tool there is what Cedar
    cannot hold.
    """

    id: str
    server: EntityUid
    action: EntityUid
    resource: EntityUid
    actions: Keys
    resources: Keys
    scopes: frozenset[str]
    shape: RecordOf
    marks: Mapping[str, Mark]
    kinds: Mapping[str, int]
    lossy: bool


class Stage:
    """Some tools, with all entities there are; `standings` holds what is found for every principal alike.

    `beside` are the entities of other tools, of which policies may speak too.
    """

    def __init__(self, tools: Iterable[Tool], *, beside: Mapping[EntityUid, Entity] = _NOBODY) -> None:
        self._numbers: dict[str, int] = {}
        self._narrowed: cachetools.LRUCache[object, tuple[RecordOf, Mapping[str, int]] | None]
        self._narrowed = cachetools.LRUCache(_NARROWED)
        self._traits: dict[tuple[str, ...], frozenset[tuple[Value | None, ...]]] = {}
        self.standings: cachetools.LRUCache[Hashable, Standing] = cachetools.LRUCache(_STANDINGS)
        found: dict[EntityUid, Entity] = {}
        self.cards = tuple(self._card(tool, found) for tool in tools)
        self.scopes: Final = frozenset(scope for card in self.cards for scope in card.scopes)
        self.servers = {
            server: Lineage(server, found[server].ancestors) for server in {card.server for card in self.cards}
        }
        self.entities: Mapping[EntityUid, Entity] = {**beside, **found}

    def narrowed(self, card: Card, reads: frozenset[Read]) -> tuple[RecordOf, Mapping[str, int]] | None:
        """What is left of the arguments of a tool under `reads`, with the numbers of its fields; None: no call is."""
        if not card.lossy or not reads:
            return card.shape, card.kinds
        key = card.id, reads
        if key not in self._narrowed:
            left = room(card.shape, reads)
            self._narrowed[key] = None if left is None else (left, self._kinds(left, card.marks))
        return self._narrowed[key]

    def traits(self, names: tuple[str, ...]) -> frozenset[tuple[Value | None, ...]]:
        """The values that the attributes `names` have together, over all tools."""
        if names not in self._traits:
            every = (self.entities[card.resource].attributes for card in self.cards)
            self._traits[names] = frozenset(tuple(each.get(name) for name in names) for each in every)
        return self._traits[names]

    def _kinds(self, shape: RecordOf, marks: Mapping[str, Mark]) -> Mapping[str, int]:
        """A number for each field of `shape`, the same for what is alike."""
        inside: dict[str, list[tuple[Steps, Mark]]] = {}
        for key, mark in marks.items():
            name, *rest = steps_of(key)
            inside.setdefault(name, []).append((tuple(rest), mark))
        return {name: self._number(field, sorted(inside.get(name, ()))) for name, field in shape.fields.items()}

    def _card(self, tool: Tool, found: dict[EntityUid, Entity]) -> Card:
        entities = evaluated(defined([*action_entities(tool), *tool_entities(tool)]))
        found.update(entities)
        action, resource = uid("Action", tool.id), uid("Tool", tool.id)
        shape = arguments_shape(tool.input_schema)
        return Card(
            tool.id,
            uid("Server", tool.server),
            action,
            resource,
            satisfied(Lineage(action, entities[action].ancestors)),
            satisfied(Lineage(resource, entities[resource].ancestors)),
            frozenset(tool.scopes),
            shape,
            tool.marks,
            self._kinds(shape, tool.marks),
            has_opaque(shape),
        )

    def _number(self, field: Field, marks: Sequence[tuple[Steps, Mark]]) -> int:
        return self._numbers.setdefault(f"{marks} {field}", len(self._numbers))
