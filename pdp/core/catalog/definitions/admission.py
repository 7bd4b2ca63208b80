"""Admission: which definitions may be approved and offered at all.

Whatever a definition says, judging it takes work that grows with its size alone, and its size is bounded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pdp.core.catalog.definitions.definition import Definition, Kind
from pdp.core.catalog.definitions.members import faults
from pdp.core.catalog.schema.validator import SchemaUnusableError, compile_schema
from pdp.core.contract.errors import ToolgateError
from pdp.core.contract.exact_json import canonical
from pdp.core.text.hidden_text import hidden_in_definition, shown

MAX_BYTES: Final = 256 * 1024
"""Bytes of a definition's canonical JSON; the largest of the servers in our tests has 7 KiB."""
MAX_TEXT: Final = 64 * 1024
"""Characters of one text or one member's name: some servers put a manual into a description, none a book."""
MAX_PROPERTIES: Final = 2000
"""Members of all `properties` of a definition: generated servers have hundreds."""
MAX_DEPTH: Final = 64
"""Levels of nesting: what an enforcer reads of a message."""
_MAX_TOLD: Final = 3
_MAX_FAULTS: Final = 50
_MAX_WHERE: Final = 200
_MAX_CAUSE: Final = 300
_SCHEMAS: Final = ("inputSchema", "outputSchema")


class Refusal(StrEnum):
    """Why a definition is refused."""

    MALFORMED = "malformed"
    RESERVED = "reserved"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    HIDDEN_TEXT = "hidden_text"
    SCHEMA_UNUSABLE = "schema_unusable"


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """One reason in one line; `where` is a JSON Pointer into the definition, "" for all of it."""

    code: Refusal
    where: str
    text: str

    def __str__(self) -> str:
        where = f"`{shown(self.where, most=_MAX_WHERE)}` " if self.where else ""
        return f"{where}{self.text}"


@dataclass(frozen=True, slots=True)
class Allowances:
    """What the catalog lets through knowingly."""

    unsafe_hidden_text: bool = False


class DefinitionRefusedError(ToolgateError):
    """A definition must not be approved nor offered; `reasons` holds all of them, sorted."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        self.reasons = reasons
        super().__init__("; ".join(str(reason) for reason in reasons))


_STRICT: Final = Allowances()


def admit(definition: Definition, *, allowances: Allowances = _STRICT) -> None:
    """`definition` may be approved and offered.

    Raises:
        DefinitionRefusedError: it is not typed as MCP says, is over a bound, has hidden text or a schema that
            arguments cannot be checked with. What is over a bound is not looked into further.

    """
    reasons = list(_bounds(definition.content))
    if not reasons:
        reasons += _reasons(definition, allowances)
    if reasons:
        raise DefinitionRefusedError(tuple(sorted(set(reasons))))


def _bounds(content: Mapping[str, Any]) -> Iterator[Reason]:
    size = len(canonical(content))
    if size > MAX_BYTES:
        yield Reason(Refusal.TOO_LARGE, "", f"has {size} bytes, the limit is {MAX_BYTES}")
    longest, properties, deepest = _measures(content)
    if longest > MAX_TEXT:
        yield Reason(Refusal.TOO_LARGE, "", f"has a text of {longest} characters, the limit is {MAX_TEXT}")
    if properties > MAX_PROPERTIES:
        yield Reason(Refusal.TOO_LARGE, "", f"has {properties} properties, the limit is {MAX_PROPERTIES}")
    if deepest > MAX_DEPTH:
        yield Reason(Refusal.TOO_DEEP, "", f"nests {deepest} levels deep, the limit is {MAX_DEPTH}")


def _measures(content: Mapping[str, Any]) -> tuple[int, int, int]:
    """The longest text or name, the members of all `properties`, the levels; without places, for it may be large."""
    longest, properties, deepest = 0, 0, 0
    level: list[Any] = [content]
    while level:
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                longest = max(longest, *map(len, value)) if value else longest
                described = value.get("properties")
                properties += len(described) if isinstance(described, dict) else 0
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                longest = max(longest, len(value))
        level = below
        deepest += bool(below)
    return longest, properties, deepest


def _reasons(definition: Definition, allowances: Allowances) -> Iterator[Reason]:
    if "digest" in definition.content:
        yield Reason(Refusal.RESERVED, "/digest", "is the place of a snapshot's digest")
    wrong = faults(definition.kind, definition.content)
    yield from (Reason(Refusal.MALFORMED, where, text) for where, text in wrong[:_MAX_FAULTS])
    if len(wrong) > _MAX_FAULTS:
        yield Reason(Refusal.MALFORMED, "", f"has {len(wrong) - _MAX_FAULTS} more members that are not as they must be")
    if not wrong:
        yield from _unusable(definition)
    if not allowances.unsafe_hidden_text:
        yield from _hidden(definition.content)


def _unusable(definition: Definition) -> Iterator[Reason]:
    for member in _SCHEMAS if definition.kind is Kind.TOOL else ():
        if member in definition.content:
            try:
                compile_schema(definition.content[member])
            except SchemaUnusableError as error:
                cause = shown(str(error), most=_MAX_CAUSE)
                yield Reason(Refusal.SCHEMA_UNUSABLE, f"/{member}", f"cannot be used: {cause}")


def _hidden(content: Mapping[str, Any]) -> Iterator[Reason]:
    for place in hidden_in_definition(content):
        kinds = list(dict.fromkeys(str(hidden) for hidden in place.found))
        more = f" and {len(kinds) - _MAX_TOLD} more" if len(kinds) > _MAX_TOLD else ""
        yield Reason(Refusal.HIDDEN_TEXT, place.where, f"has hidden characters: {', '.join(kinds[:_MAX_TOLD])}{more}")
