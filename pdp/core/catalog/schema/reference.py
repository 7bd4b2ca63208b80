"""References within one schema: what a `$ref` leads to, without leaving the document.

A document with a second resource in it (a subschema with an `$id` of its own) changes what a reference in
it means; none is followed there.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote

from pdp.core.catalog.schema.dialect import DEFAULT, Dialect, dialect_of

_IDS: Final = ("$id", "id")


class SchemaDocument:
    """One schema with its draft; an unknown draft is read as the newest, for then nobody validates by it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        try:
            self.dialect = dialect_of(root)
        except ValueError:
            self.dialect = DEFAULT

    def target(self, reference: object) -> object:
        """What `reference` leads to.

        Raises:
            LookupError: to nothing, or to where this does not follow.

        """
        address, _, fragment = str(reference).partition("#")
        name = unquote(fragment)
        if (address and address != self._address) or self._is_bundle:
            raise LookupError
        if not name:
            return self._root
        return self._pointed(name[1:].split("/")) if name.startswith("/") else self._anchors[name]

    def _pointed(self, steps: Sequence[str]) -> object:
        reached: Any = self._root
        for step in steps:
            name = step.replace("~1", "/").replace("~0", "~")
            match reached:
                case list():
                    reached = reached[_index(name)]
                case Mapping():
                    reached = reached[name]
                case _:
                    raise LookupError
        return reached

    @property
    def _id(self) -> str:
        return "id" if self.dialect is Dialect.DRAFT_4 else "$id"

    @property
    def _address(self) -> str:
        named = self._root.get(self._id)
        return named.partition("#")[0] if isinstance(named, str) else ""

    @cached_property
    def _is_bundle(self) -> bool:
        """Whether it may hold a second resource; the name of a property is not told from a keyword."""
        inner = (part for part in parts_of(self._root) if part is not self._root)
        return any(isinstance(part.get(key), str) and not part[key].startswith("#") for part in inner for key in _IDS)

    @cached_property
    def _anchors(self) -> Mapping[str, object]:
        """What each anchor names; one that is there twice names nothing."""
        found: dict[str, object] = {}
        twice: set[str] = set()
        for part in parts_of(self._root):
            for name in _names(part, self._id):
                if name in found:
                    twice.add(name)
                found[name] = part
        return {name: part for name, part in found.items() if name not in twice}


def _names(part: Mapping[str, Any], identifier: str) -> Iterator[str]:
    for key in ("$anchor", "$dynamicAnchor"):
        if isinstance(part.get(key), str):
            yield part[key]
    named = part.get(identifier)
    if isinstance(named, str) and named.startswith("#"):
        yield named[1:]


def parts_of(root: object) -> Iterator[Mapping[str, Any]]:
    """Every object in `root`, itself too."""
    left = [root]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            yield part
            left += part.values()
        elif isinstance(part, list):
            left += part


def _index(step: str) -> int:
    if not step.isascii() or not step.isdigit():
        raise LookupError
    return int(step)
