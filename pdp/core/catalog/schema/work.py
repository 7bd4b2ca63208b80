"""How much work a validation by a schema is at most, counted before it is done.

References make a small schema a large one: two to the same definition at each of thirty steps are a billion.
A validator follows them all, so what would be too much is refused, by the schema alone or with the arguments.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from pdp.core.catalog.schema.reference import SchemaDocument

MAX_STEPS: Final = 2**24
"""So many schemas are held against values in one validation."""
MAX_LEVELS: Final = 64
"""So many levels of arguments are counted; a message nests no deeper."""
MAX_CHAIN: Final = 64
"""So many schemas lead from one to the next for one and the same value."""
_SHARE: Final = 8
"""So many listed names or values are looked at in the time of one schema."""
_TEXT: Final = 64

_ONE: Final = ("not", "if", "then", "else")
_SEVERAL: Final = ("allOf", "anyOf", "oneOf")
_NAMED: Final = ("dependentSchemas", "dependencies")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_MEMBERS: Final = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_ITEMS: Final = ("items", "additionalItems", "unevaluatedItems", "contains", "prefixItems")
_MANY: Final = frozenset({"enum", "properties", "required"})
_LEADING: Final = frozenset(
    {*_ONE, *_SEVERAL, *_NAMED, *_REFERENCES, *_MEMBERS, *_ITEMS, "properties", "patternProperties"}
)


@dataclass(frozen=True, slots=True)
class Work:
    """The schemas held against one value and all above it, by the levels that are below the arguments."""

    steps: tuple[int, ...]

    def of(self, arguments: Any) -> int:
        """The most steps that a validation of `arguments` takes."""
        size, levels = _measured(arguments)
        return self.steps[min(levels, len(self.steps) - 1)] * size


@dataclass(slots=True)
class _Node:
    """A schema: those held against the same value, and those for one of its parts, by which part."""

    weight: int
    beside: list[int] = field(default_factory=list)
    parts: list[list[int]] = field(default_factory=list)


def work_of(schema: Mapping[str, Any]) -> Work:
    """The work of `schema`.

    Raises:
        ValueError: it refers to itself for one and the same value, or is too much for any.

    """
    nodes, leaves = _nodes(schema)
    try:
        order = tuple(TopologicalSorter({key: node.beside for key, node in nodes.items()}).static_order())
    except CycleError:
        raise ValueError("it refers to itself without going into a value") from None
    chain: dict[int, int] = {}
    for key in order:
        chain[key] = 1 + max((chain.get(each, 1) for each in nodes[key].beside), default=0) if key in nodes else 1
    if max(chain.values(), default=1) > MAX_CHAIN:
        raise ValueError(f"more than {MAX_CHAIN} of its schemas refer each to the next for one value")
    inner = tuple(key for key in order if key in nodes)
    steps = tuple(_levels(nodes, inner, leaves, id(schema)))
    if steps[0] > MAX_STEPS:
        raise ValueError("its references multiply to more than can be checked")
    return Work(steps)


def _levels(nodes: Mapping[int, _Node], order: tuple[int, ...], leaves: Mapping[int, int], root: int) -> Iterator[int]:
    """The steps for the root with no levels of values below it, one, and so on, until more change nothing."""
    below: dict[int, int] = dict.fromkeys([*nodes, *leaves], 0)
    for _ in range(MAX_LEVELS + 1):
        here = dict(leaves)
        for key in order:
            node = nodes[key]
            deeper = max((sum(below[each] for each in part) for part in node.parts), default=0)
            here[key] = min(node.weight + sum(here[each] for each in node.beside) + deeper, 2 * MAX_STEPS)
        # A root that leads nowhere is a leaf.
        yield here[root]
        if here == below:
            return
        below = here


def _nodes(root: Mapping[str, Any]) -> tuple[dict[int, _Node], dict[int, int]]:
    """The schemas that lead to others, and the weights of those that do not."""
    document = SchemaDocument(root)
    found: dict[int, _Node] = {}
    leaves: dict[int, int] = {}
    left: list[Any] = [root]
    while left:
        schema = left.pop()
        if id(schema) in found or id(schema) in leaves:
            continue
        weight = 1
        if not _MANY.isdisjoint(schema):
            weight += sum(len(schema[word]) for word in _MANY if _is_many(schema, word)) // _SHARE
        if _LEADING.isdisjoint(schema):
            leaves[id(schema)] = weight
            continue
        node = found[id(schema)] = _Node(weight)
        beside, parts = list(_beside(schema, document)), [*_member_parts(schema), *_item_parts(schema)]
        node.beside = [id(each) for each in beside]
        node.parts = [[id(each) for each in part] for part in parts]
        for each in (*beside, *(each for part in parts for each in part)):
            if isinstance(each, dict):
                left.append(each)
            else:
                leaves[id(each)] = 1
    return found, leaves


def _is_many(schema: Mapping[str, Any], keyword: str) -> bool:
    return isinstance(schema.get(keyword), list | dict)


def _beside(schema: Mapping[str, Any], document: SchemaDocument) -> Iterator[Any]:
    """The schemas that are held against the same value."""
    for keyword in _REFERENCES:
        try:
            if keyword in schema:
                yield document.target(schema[keyword])
        except LookupError:
            pass
    yield from (schema[keyword] for keyword in _ONE if isinstance(schema.get(keyword), Mapping))
    for keyword in _SEVERAL:
        yield from schema[keyword] if isinstance(schema.get(keyword), list) else ()
    for keyword in _NAMED:
        named = schema.get(keyword)
        yield from (part for part in named.values() if isinstance(part, Mapping)) if isinstance(named, Mapping) else ()


def _member_parts(schema: Mapping[str, Any]) -> Iterator[list[Any]]:
    """For each named member its schema and those that may be for any; then those alone."""
    patterns = schema.get("patternProperties")
    shared = [*patterns.values()] if isinstance(patterns, Mapping) else []
    shared += [schema[keyword] for keyword in _MEMBERS if isinstance(schema.get(keyword), Mapping)]
    properties = schema.get("properties")
    for part in properties.values() if isinstance(properties, Mapping) else ():
        yield [part, *shared]
    if shared:
        yield shared


def _item_parts(schema: Mapping[str, Any]) -> Iterator[list[Any]]:
    """All that may be for one item; of the places of a tuple each by itself."""
    shared: list[Any] = []
    for keyword in _ITEMS:
        part = schema.get(keyword)
        if isinstance(part, list):
            yield from ([place] for place in part)
        elif isinstance(part, Mapping):
            shared.append(part)
    if shared:
        yield shared


def _measured(value: Any) -> tuple[int, int]:
    """How many values there are, long texts and names counted more often, and on how many levels."""
    size, levels = 1, 0
    left = [value]
    while left:
        below: list[Any] = []
        for part in left:
            if isinstance(part, str):
                size += len(part) // _TEXT
            elif isinstance(part, dict):
                size += len(part) + sum(map(len, part)) // _TEXT
                below += part.values()
            elif isinstance(part, list):
                size += len(part)
                below += part
        left = below
        levels += bool(below)
    return size, levels


def characters(value: Any) -> int:
    """The characters of all texts and names in `value`."""
    found, left = 0, [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            found += len(part)
        elif isinstance(part, dict):
            found += sum(map(len, part))
            left += part.values()
        elif isinstance(part, list):
            left += part
    return found
