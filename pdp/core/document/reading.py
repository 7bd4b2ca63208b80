"""YAML that means one thing: text to a tree that knows where each of its values stands.

The reading is YAML 1.2's core schema over PyYAML's parser: `yes` and `12:30` are text. What lets two
readers differ, or a small file grow large, is refused: repeated keys, anchors, aliases, tags, keys that
are no text, a second document. The events are read one by one, so a limit stops the parse where it is.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.document.scalar import plain_value, unprintable
from pdp.core.document.tree import Document, DocumentLimits, Position, SettingPath

_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_document(raw: bytes, *, file: str, limits: DocumentLimits | None = None) -> Document:
    """The document in `raw`, with nothing wrong in it.

    Raises:
        ConfigurationError: with every problem found.

    """
    document = parse_document(decode(raw, file=file, limits=limits), file=file, limits=limits)
    if document.problems:
        raise ConfigurationError(document.problems)
    return document


def decode(raw: bytes, *, file: str, limits: DocumentLimits | None = None) -> str:
    """The text of `raw`, a byte order mark aside.

    Raises:
        ConfigurationError: it is larger than the limit, or no UTF-8.

    """
    maximum = (limits or DocumentLimits()).max_bytes
    if len(raw) > maximum:
        raise ConfigurationError([Problem(file, 0, 0, "document_too_large", f"more than {maximum} bytes")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError([Problem(file, line, 0, "encoding_invalid", "this is not UTF-8")]) from error


def parse_document(text: str, *, file: str, limits: DocumentLimits | None = None) -> Document:
    """The document in `text` with its problems; one that ends the parse leaves the tree None."""
    limits = limits or DocumentLimits()
    reader = _Reader(file, limits)
    if len(text.encode("utf-8", "surrogatepass")) > limits.max_bytes:
        reader.report(Position(0, 0), "document_too_large", f"more than {limits.max_bytes} bytes")
        return reader.document(None)
    bad = unprintable(text)
    if bad:
        before = text[: bad.index]
        position = Position(before.count("\n") + 1, bad.index - before.rfind("\n"))
        reader.report(position, "unprintable", f"character {bad.name} is not allowed")
        return reader.document(None)
    return reader.document(reader.read(text))


class _Stopped(Exception):  # noqa: N818 - a way out of the recursion, not an error
    """A limit ended the parse; the problem is reported."""


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, file: str, limits: DocumentLimits) -> None:
        self._file = file
        self._limits = limits
        self._document = Document(None)
        self._nodes = 0

    def document(self, tree: Any) -> Document:
        seen = self._document
        return Document(tree, seen.values, seen.keys, seen.problems, seen.broken)

    def report(self, position: Position, code: str, message: str) -> None:
        self._document.problems.append(Problem(self._file, position.line, position.column, code, message))

    def read(self, text: str) -> Any:
        try:
            return self._stream(yaml.parse(text, Loader=_Loader))
        except _Stopped:
            return None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            position = Position(mark.line + 1, mark.column + 1) if mark else Position(0, 0)
            self.report(position, "yaml_invalid", error.problem or "this is not YAML")
        except yaml.YAMLError:
            self.report(Position(0, 0), "yaml_invalid", "this is not YAML")
        return None

    def _stream(self, events: Iterator[Any]) -> Any:
        tree, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.report(_position(event), "yaml_documents", "a second document starts here")
                    raise _Stopped
            elif isinstance(event, yaml.NodeEvent):
                tree = self._node(event, events, ())
        return tree

    def _node(self, event: Any, events: Iterator[Any], path: SettingPath) -> Any:
        position = _position(event)
        self._document.values[path] = position
        self._count(position, path)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(path, position, "yaml_alias", "aliases are not supported, write the value out")
            return None
        if event.anchor is not None:
            self.report(position, "yaml_anchor", "anchors are not supported, write the value out where it is needed")
        if event.tag is not None:
            self._refuse(path, position, "yaml_tag", "tags are not supported")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return self._scalar(event, path)

    def _scalar(self, event: Any, path: SettingPath) -> Any:
        bad = unprintable(event.value)
        if bad:
            self._refuse(path, _position(event), "unprintable", f"character {bad.name} is not allowed")
            return None
        return event.value if event.style else plain_value(event.value)

    def _sequence(self, events: Iterator[Any], path: SettingPath) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[Any], path: SettingPath) -> dict[str, Any]:
        items: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, events, path)
            if key is None:
                self._aside(next(events), events, path)
                continue
            self._document.keys[*path, key] = _position(event)
            items[key] = self._node(next(events), events, (*path, key))
        return items

    def _key(self, event: Any, events: Iterator[Any], path: SettingPath) -> str | None:
        position = _position(event)
        key = self._aside(event, events, path)
        if not isinstance(event, yaml.ScalarEvent):
            self.report(position, "yaml_key", "a key must be text")
        elif not isinstance(key, str):
            self.report(position, "yaml_key", f"key `{event.value[:64]}` is not text, put it in quotes")
        elif (*path, key) in self._document.keys:
            first = self._document.keys[*path, key]
            self.report(
                position, "yaml_key_repeated", f"key `{key[:64]}` stands here again, first in line {first.line}"
            )
        else:
            return key
        return None

    def _aside(self, event: Any, events: Iterator[Any], path: SettingPath) -> Any:
        """Read a node that has no path of its own: a key, or the value of a refused one."""
        kept = self._document
        self._document = Document(None, problems=kept.problems)
        try:
            return self._node(event, events, (*path, ""))
        finally:
            self._document = kept

    def _refuse(self, path: SettingPath, position: Position, code: str, message: str) -> None:
        self.report(position, code, message)
        self._document.broken.add(path)

    def _count(self, position: Position, path: SettingPath) -> None:
        self._nodes += 1
        if len(path) > self._limits.max_depth:
            self.report(position, "document_too_deep", f"more than {self._limits.max_depth} levels")
            raise _Stopped
        if self._nodes > self._limits.max_nodes:
            self.report(position, "document_too_large", f"more than {self._limits.max_nodes} keys and values")
            raise _Stopped


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)
