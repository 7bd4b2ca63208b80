"""`catalog.yaml` to its entries, or every problem with its place."""

from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import msgspec

from pdp.core.catalog.definitions.snapshot import is_server_name
from pdp.core.catalog.entries.entry import Entries, Selection, ServerEntry, ToolEntry
from pdp.core.catalog.entries.glob import GlobError, read_glob, read_tool_glob
from pdp.core.catalog.marks import key_of, steps_of
from pdp.core.catalog.tool import Mark
from pdp.core.contract.errors import Problem
from pdp.core.contract.record_terms import Recording, strictest
from pdp.core.document.sections import Sections
from pdp.core.document.tree import SettingPath

T = TypeVar("T")

_LONGEST_NAME: Final = 128


class _Head(msgspec.Struct, frozen=True):
    version: Literal[1]
    servers: dict[str, Any] = {}
    toolsets: dict[str, Any] = {}
    tags: dict[str, Any] = {}


class CatalogFile:
    """The entries of one `catalog.yaml`, less those with something wrong; `problems` holds what was wrong."""

    def __init__(self, raw: bytes, *, file: str) -> None:
        self._sections = Sections(raw, file=file, code="catalog_invalid")
        self.problems = self._sections.problems
        self._sounds: dict[str, dict[str, Any]] = {}
        if not self.problems:
            readers = {"servers": self._servers, "toolsets": self._selections, "tags": self._selections}
            self._sections.struct(self._sections.tree, _Head, (), **readers)
        self.entries = Entries(**self._sounds)

    def problem(self, at: SettingPath, code: str, message: str) -> Problem:
        """A problem at the key, or else the value, that is at `at`."""
        return self._sections.problem(at, message, code=code)

    def nearest(self, *places: SettingPath) -> SettingPath:
        """The first of `places` that is in the file."""
        return next(at for at in places if self._sections.has(at))

    def _servers(self, value: Any, at: SettingPath) -> dict[str, Any]:
        return self._sound(value, at, self._server)

    def _selections(self, value: Any, at: SettingPath) -> dict[str, Any]:
        return self._sound(value, at, self._selection)

    def _sound(self, value: Any, at: SettingPath, read: Callable[[str, Any, SettingPath], T | None]) -> dict[str, T]:
        """The parts of a section in which nothing is wrong."""
        sound = {}
        for name, part in (self._sections.take(value, dict[str, Any], at) or {}).items():
            before = len(self.problems)
            found = read(name, part, (*at, name))
            if found is not None and len(self.problems) == before:
                sound[name] = found
        self._sounds[str(at[0])] = sound
        return sound

    def _server(self, name: str, part: Any, at: SettingPath) -> ServerEntry | None:
        if not is_server_name(name):
            self._report(at, "server_invalid", f"`{name}` cannot be the name of a server")
        return self._sections.struct(part, ServerEntry, at, tools=self._tools)

    def _tools(self, value: Any, at: SettingPath) -> dict[str, ToolEntry]:
        listed = self._sections.take(value, dict[str, Any], at) or {}
        read = {}
        for key, part in listed.items():
            entry = self._sections.struct(
                part, ToolEntry, (*at, key), arguments=self._marks, record_arguments=self._recordings
            )
            if entry is not None and self._is_glob(key, (*at, key), read_glob):
                read[key] = entry
        return read

    def _marks(self, value: Any, at: SettingPath) -> dict[str, Mark]:
        listed = self._sections.take(value, dict[str, Any], at) or {}
        marks: dict[str, Mark] = {}
        for written, part in listed.items():
            place = (*at, written)
            key, mark = self._key(written, place), self._sections.take(part, Mark, place)
            if key is None or mark is None:
                continue
            if marks.setdefault(key, mark) is not mark:
                self._report(place, "entries_contradict", f"`{key}` is marked `{marks[key]}` as well")
        return marks

    def _recordings(self, value: Any, at: SettingPath) -> dict[str, Recording]:
        listed = self._sections.take(value, dict[str, Any], at) or {}
        found: dict[str, Recording] = {}
        for written, part in listed.items():
            place = (*at, written)
            key, recording = self._key(written, place), self._sections.take(part, Recording, place)
            if key is not None and recording is not None:
                found[key] = strictest(found.get(key), recording)
        return found

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
        return self._sections.struct(part, Selection, at, tools=self._globs, excluded=self._globs)

    def _globs(self, value: Any, at: SettingPath) -> tuple[str, ...]:
        listed = self._sections.take(value, list[Any], at) or []
        globs = []
        for index, item in enumerate(listed):
            text = self._sections.take(item, str, (*at, index))
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

    def _report(self, at: SettingPath, code: str, message: str) -> None:
        self._sections.report(at, message, code=code)
