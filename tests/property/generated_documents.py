"""JSON Schema documents over all keywords that shapes know, and values for them, from a seed.

References within one place lead only to later definitions, so that a validator comes to an end; those within
members and items lead anywhere.
"""

import random
from dataclasses import dataclass
from typing import Any, Final

Schema = dict[str, Any] | bool

NAMES: Final = ("a", "b", "c", "", "a/b", "m~n", "p%25", "__entity", "Ünï", "nul\x00", "x-1")
PATTERNS: Final = ("^x-", "b$", ".")
TEXTS: Final = ("a", "b", "", "\U0001f600", "x-1")
NUMBERS: Final = (0, 1, -1, 2, 7, 1.0, 0.5, 2.5, 0.00001, 1e3, 2**53 + 1, 2**63 - 1, 2**63, -(2**70), 1e300, 1e15)
DRAFTS: Final = {
    "http://json-schema.org/draft-04/schema#": "definitions",
    "http://json-schema.org/draft-06/schema#": "definitions",
    "http://json-schema.org/draft-07/schema#": "definitions",
    "https://json-schema.org/draft/2019-09/schema": "$defs",
    "https://json-schema.org/draft/2020-12/schema": "$defs",
}
NEWEST: Final = "https://json-schema.org/draft/2020-12/schema"
OLDEST: Final = "http://json-schema.org/draft-04/schema#"
DEFINITIONS: Final = 4
_DEEPEST: Final = 3


@dataclass(frozen=True)
class Generated:
    """A tool's schema and arguments for it, valid and invalid ones."""

    schema: dict[str, Any]
    arguments: list[dict[str, Any]]


def generated(seed: int, *, values: int) -> Generated:
    """The document of `seed` with so many arguments."""
    chance = random.Random(seed)
    schema = _Writer(chance).document()
    filler = _Filler(chance, schema)
    return Generated(schema, [filler.arguments() for _ in range(values)])


class _Writer:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._draft = chance.choice(list(DRAFTS))
        self._home = DRAFTS[self._draft]

    def document(self) -> dict[str, Any]:
        definitions = {f"d/{number}": self._schema(1, number) for number in range(DEFINITIONS)}
        root = self._object(0, -1)
        said = {} if self._draft == NEWEST and self._chance.random() < 0.5 else {"$schema": self._draft}
        if self._chance.random() < 0.3:
            root |= self._combination(0, -1)
        return {**said, "type": "object", **root, self._home: definitions}

    def _schema(self, depth: int, within: int) -> Schema:
        chance = self._chance
        kind = chance.random()
        if kind < 0.04 and self._draft != OLDEST:
            return chance.random() < 0.7
        if kind < 0.2 and within + 1 < DEFINITIONS:
            beside = {} if chance.random() < 0.7 else self._typed(depth, within)
            return {"$ref": self._reference(chance.randrange(within + 1, DEFINITIONS)), **beside}
        if depth >= _DEEPEST or kind < 0.65:
            return self._typed(depth, within)
        if kind < 0.72:
            return self._combination(depth, within)
        if kind < 0.8:
            return {"allOf": [self._numbers(), self._numbers()]}
        return {**self._typed(depth, within), **self._combination(depth, within)}

    def _reference(self, number: int) -> str:
        return f"#/{self._home.replace('$', self._chance.choice(('$', '%24')))}/d~1{number}"

    def _child(self, depth: int) -> Schema:
        """The schema of a member or item: there any definition may be referred to."""
        if self._chance.random() < 0.2:
            return {"$ref": self._reference(self._chance.randrange(DEFINITIONS))}
        return self._schema(depth + 1, -1 if depth + 1 < _DEEPEST else DEFINITIONS)

    def _combination(self, depth: int, within: int) -> dict[str, Any]:
        keyword = self._chance.choice(("allOf", "anyOf", "oneOf", "not", "if", "anyOf", "allOf"))
        if keyword == "not":
            return {"not": self._typed(depth + 1, within)}
        if keyword == "if":
            return {word: self._schema(depth + 1, within) for word in ("if", "then", "else")}
        return {keyword: [self._schema(depth + 1, within) for _ in range(self._chance.randint(1, 3))]}

    def _typed(self, depth: int, within: int) -> dict[str, Any]:
        chance = self._chance
        makers = [self._scalar, self._scalar, self._enumeration, self._number, dict]
        if depth < _DEEPEST:
            makers += [lambda: self._array(depth), lambda: self._array(depth), lambda: self._object(depth, within)] * 2
        found = chance.choice(makers)()
        if chance.random() < 0.15:
            found.pop("type", None)
        return found

    def _scalar(self) -> dict[str, Any]:
        kinds = ("string", "integer", "number", "boolean", "null", "array", "object")
        several = self._chance.random() < 0.3
        found: dict[str, Any] = {"type": self._chance.sample(kinds, 2) if several else self._chance.choice(kinds)}
        if self._chance.random() < 0.2:
            found["minLength"] = 1
        if self._chance.random() < 0.1:
            found["nullable"] = True
        return found

    def _enumeration(self) -> dict[str, Any]:
        values = [*TEXTS, *NUMBERS, None, True, ["a"], {"a": 1}]
        beside = self._scalar() if self._chance.random() < 0.2 else {}
        if self._chance.random() < 0.3:
            return {"const": self._chance.choice(values), **beside}
        return {"enum": _distinct(self._chance.sample(values, self._chance.randint(1, 4))), **beside}

    def _numbers(self) -> dict[str, Any]:
        """Numbers by one schema, or by one of two."""
        return self._number() if self._chance.random() < 0.5 else {"anyOf": [self._number(), self._number()]}

    def _number(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": self._chance.choice(("integer", "number"))}
        for keyword in self._chance.sample(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), 2):
            found[keyword] = self._chance.choice(NUMBERS)
        if self._draft == OLDEST:
            found |= {word: True for word in ("exclusiveMinimum", "exclusiveMaximum") if word in found}
            found = {k: v for k, v in found.items() if not k.startswith("ex") or k[9:].lower() in found}
        return found

    def _array(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "array"}
        kind = self._chance.random()
        if kind < 0.15:
            word = "prefixItems" if self._draft == NEWEST else "items"
            found[word] = [self._child(depth) for _ in range(self._chance.randint(1, 2))]
            if self._chance.random() < 0.7:
                found["items" if self._draft == NEWEST else "additionalItems"] = self._child(depth)
        elif kind < 0.9:
            found["items"] = self._child(depth)
        return found

    def _object(self, depth: int, within: int) -> dict[str, Any]:
        chance = self._chance
        found: dict[str, Any] = {"type": "object"}
        if chance.random() < 0.9:
            names = chance.sample(NAMES, chance.randint(0, 4))
            found["properties"] = {name: self._child(depth) for name in names}
            needed = [name for name in names if chance.random() < 0.4]
            if needed:
                found["required"] = needed
        if chance.random() < 0.3:
            found["additionalProperties"] = False if chance.random() < 0.4 else self._child(depth)
        if chance.random() < 0.15:
            found["patternProperties"] = {chance.choice(PATTERNS): self._child(depth)}
        if chance.random() < 0.08 and depth < _DEEPEST - 1 and self._home == "$defs":
            found["dependentSchemas"] = {chance.choice(NAMES): self._schema(depth + 1, within)}
        return found


class _Filler:
    """Writes values that a schema of the document admits more often than not."""

    def __init__(self, chance: random.Random, document: dict[str, Any]) -> None:
        self._chance = chance
        self._document = document
        self._definitions: dict[str, Any] = document.get("$defs") or document["definitions"]

    def arguments(self) -> dict[str, Any]:
        found = self._value(self._document, 0)
        if not isinstance(found, dict):
            return {}
        return self._stirred(found) if self._chance.random() < 0.5 else found

    def _stirred(self, value: Any) -> Any:
        """`value` with a part or two replaced or added: what a schema lets through that it does not name."""
        chance = self._chance
        if isinstance(value, dict):
            found = {name: self._stirred(item) if chance.random() < 0.6 else item for name, item in value.items()}
            return found | ({chance.choice(NAMES): self._anything(4)} if chance.random() < 0.5 else {})
        if isinstance(value, list):
            found_items = [self._stirred(item) for item in value]
            return found_items + ([self._anything(4)] if chance.random() < 0.5 else [])
        return self._anything(4) if chance.random() < 0.4 else value

    def _value(self, schema: Any, depth: int) -> Any:
        if isinstance(schema, bool) or depth > 7 or self._chance.random() < 0.02:
            return self._anything(depth)
        if "$ref" in schema:
            schema = {**self._definition(schema["$ref"]), **{k: v for k, v in schema.items() if k != "$ref"}}
            if "$ref" in schema:
                return self._value({"$ref": schema["$ref"]}, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        parts = [self._value(schema[word], depth + 1) for word in ("then",) if word in schema]
        parts += [self._value(part, depth + 1) for part in schema.get("allOf", ())]
        for word in ("anyOf", "oneOf"):
            parts += [self._value(self._chance.choice(schema[word]), depth + 1)] if word in schema else []
        if not parts or "type" in schema or "properties" in schema:
            parts.append(self._typed(schema, depth))
        return self._merged(parts)

    def _definition(self, reference: str) -> Any:
        found = self._definitions["d/" + reference[-1]]
        return {} if isinstance(found, bool) else found

    def _merged(self, parts: list[Any]) -> Any:
        if all(isinstance(part, dict) for part in parts):
            return {name: item for part in parts for name, item in part.items()}
        return self._chance.choice(parts)

    def _typed(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else None)
        match self._chance.choice(kind) if isinstance(kind, list) else kind:
            case "string":
                return self._chance.choice(TEXTS)
            case "integer":
                return self._chance.choice([n for n in NUMBERS if n == int(n)])
            case "number":
                return self._chance.choice(NUMBERS)
            case "boolean":
                return self._chance.random() < 0.5
            case "null":
                return None
            case "array":
                items = schema.get("items", {})
                places = schema.get("prefixItems", items if isinstance(items, list) else [])
                found = [self._value(place, depth + 1) for place in places]
                if not isinstance(items, list):
                    found += [self._value(items, depth + 1) for _ in range(self._chance.randint(0, 2))]
                return found
            case "object":
                return self._members(schema, depth)
            case _:
                return self._anything(depth)

    def _members(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        needed = schema.get("required", ())
        found = {}
        for name, part in schema.get("properties", {}).items():
            if name in needed or self._chance.random() < (0.7 if depth < 3 else 0.2):
                found[name] = self._value(part, depth + 1)
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and self._chance.random() < 0.5:
            found.setdefault("more", self._value(more, depth + 1))
        return found

    def _anything(self, depth: int) -> Any:
        leaves: list[Any] = [*TEXTS, *NUMBERS, None, True, False]
        if depth > 5 or self._chance.random() < 0.7:
            return self._chance.choice(leaves)
        if self._chance.random() < 0.5:
            return [self._anything(depth + 1) for _ in range(self._chance.randint(0, 2))]
        return {name: self._anything(depth + 1) for name in self._chance.sample(NAMES, self._chance.randint(0, 2))}


def _distinct(values: list[Any]) -> list[Any]:
    """An enumeration has no value twice; `1` and `1.0` are one."""
    found: list[Any] = []
    for value in values:
        if not any(value == other and isinstance(value, bool) is isinstance(other, bool) for other in found):
            found.append(value)
    return found
