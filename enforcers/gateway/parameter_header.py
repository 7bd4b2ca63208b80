"""Tool parameters mirrored into HTTP headers (MCP 2026-07-28, "Custom Headers from Tool Parameters")."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cachetools

from enforcers.gateway.header import HeaderError, Headers, decoded, encoded
from enforcers.offer import Offer
from pdp.core.contract.exact_json import JsonObject

PREFIX: Final = "Mcp-Param-"

_KEY: Final = "x-mcp-header"
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_DECIMAL: Final = re.compile(r"(-?[0-9]{1,20})(?:\.0+)?")
_MIRRORED_TYPES: Final = ("string", "integer", "boolean")
_SAFE_INTEGER: Final = 2**53 - 1
_KNOWN: Final = 8192


class AnnotationError(ValueError):
    """A tool's `x-mcp-header` annotations break the rules, so the tool must not be offered."""


@dataclass(frozen=True, slots=True)
class ParameterHeader:
    """One mirrored parameter: the header's name and the path of property names to the value."""

    name: str
    path: tuple[str, ...]

    def value(self, arguments: JsonObject) -> Any:
        """The argument at the path; None where it is absent or null."""
        node: Any = arguments
        for part in self.path:
            node = node.get(part) if isinstance(node, Mapping) else None
        return node


def parameter_headers(schema: Any) -> tuple[ParameterHeader, ...]:
    """The mirrored parameters of an input schema.

    Raises:
        AnnotationError: an annotation stands where none may, has no header name, names a header twice
            or is on a value that is no string, integer or boolean.

    """
    found: dict[str, ParameterHeader] = {}
    for path, position in _annotated(schema):
        name = position[_KEY]
        if not path:
            raise AnnotationError("an annotation is not reached through `properties` alone")
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise AnnotationError("an annotation is no header name")
        if position.get("type") not in _MIRRORED_TYPES:
            raise AnnotationError("an annotation is on a parameter that is no string, integer or boolean")
        if name.lower() in found:
            raise AnnotationError("two annotations name one header")
        found[name.lower()] = ParameterHeader(PREFIX + name, path)
    return tuple(found.values())


class KnownParameterHeaders:
    """The mirrored parameters of offered tools, read once for each definition: that takes longer than a call."""

    def __init__(self) -> None:
        self._known: cachetools.LRUCache[str, tuple[ParameterHeader, ...]] = cachetools.LRUCache(_KNOWN)

    def of(self, offer: Offer) -> tuple[ParameterHeader, ...]:
        """As `parameter_headers` of the offer's input schema, which its pin covers.

        Raises:
            AnnotationError: as there.

        """
        found = self._known.get(offer.pin)
        if found is None:
            found = self._known[offer.pin] = parameter_headers(offer.definition["inputSchema"])
        return found


def mirrored(headers: Sequence[ParameterHeader], *, arguments: JsonObject) -> dict[str, str]:
    """The headers that a call with `arguments` must carry."""
    texts = {header.name: _text(header.value(arguments)) for header in headers}
    return {name: encoded(text) for name, text in texts.items() if text is not None}


def check_mirrored(headers: Sequence[ParameterHeader], *, arguments: JsonObject, sent: Headers) -> None:
    """Return when the headers that were sent say what `arguments` say.

    Raises:
        HeaderError: one is missing, is there without its argument, or differs from it.

    """
    for header in headers:
        raw, text = sent.one(header.name), _text(header.value(arguments))
        if raw is None and text is None:
            continue
        if raw is None or text is None:
            raise HeaderError(f"the header `{header.name}` and its argument are not both there")
        if not _same(decoded(raw), text, header.value(arguments)):
            raise HeaderError(f"the header `{header.name}` differs from its argument")


def _annotated(schema: Any) -> Iterator[tuple[tuple[str, ...] | None, Mapping[str, Any]]]:
    """Every subschema with an annotation; its path is None off the chain of `properties`."""
    stack: list[tuple[tuple[str, ...] | None, Any]] = [((), schema)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, list):
            stack.extend((None, item) for item in node)
        if not isinstance(node, Mapping):
            continue
        if _KEY in node:
            yield path, node
        for keyword, value in node.items():
            if keyword == "properties" and isinstance(value, Mapping):
                stack.extend((None if path is None else (*path, name), item) for name, item in value.items())
            elif keyword not in {_KEY, "const", "default", "enum", "examples"}:
                stack.append((None, value))


def _text(value: Any) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value) if abs(value) <= _SAFE_INTEGER else None
        case float() if value.is_integer() and abs(value) <= _SAFE_INTEGER:
            return str(int(value))
        case _:
            return None


def _same(sent: str, text: str, value: Any) -> bool:
    if isinstance(value, str | bool):
        return sent == text
    number = _DECIMAL.fullmatch(sent)
    return number is not None and int(number[1]) == int(text)
