"""`catalog.yaml` to its entries, or every problem with its place."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeVar

import msgspec

from pdp.core.catalog.definitions.snapshot import is_server_name
from pdp.core.catalog.entries.entry import Entries, Selection, ServerEntry, ToolEntry
from pdp.core.catalog.entries.glob import GlobError, read_glob, read_tool_glob
from pdp.core.catalog.marks import key_of, steps_of
from pdp.core.catalog.tool import Mark
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.document.reading import read_document
from pdp.core.document.tree import Document, Position, SettingPath

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_LONGEST_NAME: Final = 128


class _Head(msgspec.Struct, frozen=True):
    version: Literal[1]
    servers: dict[str, Any] = {}
    toolsets: dict[str, Any] = {}
    tags: dict[str, Any] = {}


class CatalogFile:
    """The entries of one `catalog.yaml`, less those with something wrong; `problems` holds what was wrong."""

    def __init__(self, raw: bytes, *, file: str) -> None:
        self._file = file
        self._document = Document(tree=None)
        self.problems: list[Problem] = []
        self.entries = Entries()
        try:
            self._document = read_document(raw, file=file)
        except ConfigurationError as error:
            self.problems += error.problems
            return
        head = self._struct(self._document.tree, _Head, ())
        if head is not None:
            self.entries = Entries(
                servers=self._sound("servers", head.servers, self._server),
                toolsets=self._sound("toolsets", head.toolsets, self._selection),
                tags=self._sound("tags", head.tags, self._selection),
            )

    def problem(self, at: SettingPath, code: str, message: str) -> Problem:
        """A problem at the key, or else the value, that is at `at`."""
        place = self._document.keys.get(at) or self._document.values.get(at, Position(1, 0))
        return Problem(self._file, place.line, place.column, code, message)

    def nearest(self, *places: SettingPath) -> SettingPath:
        """The first of `places` that is in the file."""
        return next(at for at in places if at in self._document.values)

    def _sound(
        self, section: str, listed: Mapping[str, Any], read: Callable[[str, Any, SettingPath], T | None]
    ) -> dict[str, T]:
        """The parts of a section in which nothing is wrong."""
        sound = {}
        for name, part in listed.items():
            before = len(self.problems)
            found = read(name, part, (section, name))
            if found is not None and len(self.problems) == before:
                sound[name] = found
        return sound

    def _server(self, name: str, part: Any, at: SettingPath) -> ServerEntry | None:
        if not is_server_name(name):
            self._report(at, "server_invalid", f"`{name}` cannot be the name of a server")
        return self._struct(part, ServerEntry, at, tools=self._tools)

    def _tools(self, value: Any, at: SettingPath) -> dict[str, ToolEntry]:
        listed = self._take(value, dict[str, Any], at) or {}
        read = {}
        for key, part in listed.items():
            entry = self._struct(part, ToolEntry, (*at, key), arguments=self._marks)
            if entry is not None and self._is_glob(key, (*at, key), read_glob):
                read[key] = entry
        return read

    def _marks(self, value: Any, at: SettingPath) -> dict[str, Mark]:
        listed = self._take(value, dict[str, Any], at) or {}
        marks: dict[str, Mark] = {}
        for written, part in listed.items():
            place = (*at, written)
            key, mark = self._key(written, place), self._take(part, Mark, place)
            if key is None or mark is None:
                continue
            if marks.setdefault(key, mark) is not mark:
                self._report(place, "entries_contradict", f"`{key}` is marked `{marks[key]}` as well")
        return marks

    def _key(self, written: str, at: SettingPath) -> str | None:
        try:
            return key_of(steps_of(written))
        except ValueError as error:
            self._report(at, "argument_invalid", str(error))
            return None

    def _selection(self, name: str, part: Any, at: SettingPath) -> Selection | None:
        if not (0 < len(name) <= _LONGEST_NAME and name.isprintable()):
            text = f"a name in `{at[0]}` has from 1 to {_LONGEST_NAME} characters that can be seen"
            self._report(at, "name_invalid", text)
        if isinstance(part, list):
            return Selection(self._globs(part, at))
        return self._struct(part, Selection, at, tools=self._globs, excluded=self._globs)

    def _globs(self, value: Any, at: SettingPath) -> tuple[str, ...]:
        listed = self._take(value, list[Any], at) or []
        globs = []
        for index, item in enumerate(listed):
            text = self._take(item, str, (*at, index))
            if text is not None and self._is_glob(text, (*at, index), read_tool_glob):
                globs.append(text)
        return tuple(globs)

    def _is_glob(self, text: str, at: SettingPath, read: Callable[[str], object]) -> bool:
        try:
            read(text)
        except GlobError as error:
            self._report(at, "glob_invalid", str(error))
            return False
        return True

    def _struct(
        self, value: Any, kind: type[S], at: SettingPath, **apart: Callable[[Any, SettingPath], Any]
    ) -> S | None:
        """What is at `at`, each member read by itself so that each problem has its place; those in `apart` by that."""
        given = self._take(value, dict[str, Any], at)
        if given is None:
            return None
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        read = {}
        for name, part in given.items():
            if name not in fields:
                self._report((*at, name), "catalog_invalid", f"`{name}` means nothing here{_meant(name, fields)}")
                continue
            field = fields[name]
            own = apart.get(field.name)
            found = self._take(part, field.type, (*at, name)) if own is None else own(part, (*at, name))
            if found is not None:
                read[field.name] = found
        missing = [name for name, field in fields.items() if field.required and name not in given]
        for name in missing:
            self._report(at, "catalog_invalid", f"{_where(at)} needs `{name}`")
        required = {field.name for field in fields.values() if field.required}
        return kind(**read) if required <= read.keys() else None

    def _take(self, value: Any, kind: Any, at: SettingPath) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self._report(at, "catalog_invalid", f"{_where(at)} is not as it must be: {error}")
            return None

    def _report(self, at: SettingPath, code: str, message: str) -> None:
        self.problems.append(self.problem(at, code, message))


def _where(at: SettingPath) -> str:
    return f"`{'.'.join(str(step) for step in at)}`" if at else "the file"


def _meant(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
