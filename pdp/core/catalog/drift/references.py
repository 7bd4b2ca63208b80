"""References within one schema: what they lead to, who uses a definition, and whether it is used as it stands."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote

from pdp.core.text.place import Place, values_in

NOT_MONOTONE: Final = frozenset({"not", "if", "oneOf", "dependencies", "contains"})
"""Below these, what accepts more can make the whole accept less."""
_BASES: Final = frozenset({"$id", "id", "$anchor", "$dynamicAnchor"})
"""With one of these in it, a schema says something else in another place."""
_NOTES: Final = frozenset({"title", "description", "$comment", "default", "examples", "deprecated"})
"""What may stand beside a `$ref` and limits nothing: some drafts pass over what stands there, others do not."""
_MAX_STEPS: Final = 64
_MAX_DIGITS: Final = 9
_MAX_WORK: Final = 100_000
"""So many values are looked at to learn who uses a definition; over that, nobody is named."""


class References:
    """The local references of `schema`, which are JSON Pointers; others lead nowhere here."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema

    def target(self, reference: object) -> Any:
        """What `reference` leads to, None where it leads to nothing."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        first, *steps = unquote(reference[1:]).split("/", _MAX_STEPS)
        at = None if first else self._schema
        for step in steps:
            at = _below(at, step.replace("~1", "/").replace("~0", "~"))
        return at

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """`schema` with what its `$ref` leads to in its place, None where that cannot be said in one schema."""
        if "$ref" not in schema:
            return schema
        target = self.target(schema["$ref"])
        rest = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        if not isinstance(target, Mapping) or not _BASES.isdisjoint(target):
            return None
        if not _NOTES.issuperset(rest) or not rest.keys().isdisjoint(target):
            return None
        return {**target, **rest}

    def users(self, definition: str) -> list[str]:
        """The top-level properties that use `definition` (as `#/$defs/x`), by others too; none where too many do."""
        return self._users.get(definition, [])

    @cached_property
    def is_mixed(self) -> bool:
        """Whether a definition is used where accepting more can mean to accept less."""
        places = (place for place, _ in _references(self._schema))
        return any(not NOT_MONOTONE.isdisjoint(map(str, place.steps())) for place in places)

    @cached_property
    def _users(self) -> Mapping[str, list[str]]:
        users: dict[str, list[str]] = {}
        uses: dict[str, list[str]] = {}
        work = 0
        properties = self._schema.get("properties") if isinstance(self._schema, Mapping) else None
        for name, schema in properties.items() if isinstance(properties, Mapping) else ():
            waiting, seen = [reference for _, reference in _references(schema)], set[str]()
            while waiting:
                at = waiting.pop()
                if at in seen:
                    continue
                seen.add(at)
                users.setdefault(at, []).append(name)
                if at not in uses:
                    target = self.target(at)
                    work += sum(1 for _ in values_in(target))
                    uses[at] = [reference for _, reference in _references(target)]
                work += len(uses[at]) + 1
                waiting += uses[at]
                if work > _MAX_WORK:
                    return {}
        return users


def _below(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    is_index = isinstance(value, list) and step.isdecimal() and step.isascii() and len(step) <= _MAX_DIGITS
    return value[int(step)] if is_index and int(step) < len(value) else None


def _references(schema: Any) -> Iterator[tuple[Place, str]]:
    return ((place, value) for place, _, value in values_in(schema) if place.step == "$ref" and isinstance(value, str))
