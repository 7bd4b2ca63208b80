"""Where a setting's value comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pdp.core.document.tree import Document, Position, SettingPath
from pdp.core.settings.override import source_of


class OriginKind(StrEnum):
    """The three places a value can come from."""

    FILE = "file"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """A place: `source` is the file or `environment:NAME`; line and column count from 1, 0 where there is none."""

    kind: OriginKind
    source: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.kind is OriginKind.DEFAULT:
            return str(self.kind)
        return ":".join([self.source, *(str(n) for n in (self.line, self.column) if n)])


@dataclass(frozen=True, slots=True)
class Sources:
    """The file and the overrides that one tree of settings was put together from."""

    file: str
    document: Document
    overridden: Mapping[SettingPath, str]

    def of_value(self, path: SettingPath) -> Origin:
        """Where the value at `path`, or the nearest one around it, stands."""
        return self._origin(path, (self.document.values,))

    def of_key(self, path: SettingPath) -> Origin:
        """Where the name that leads to `path` stands; its value's place for what has no name."""
        return self._origin(path, (self.document.keys, self.document.values))

    def _origin(self, path: SettingPath, maps: tuple[Mapping[SettingPath, Position], ...]) -> Origin:
        variable = self._override_around(path) or self._override_that_made(path)
        if variable is not None:
            return Origin(OriginKind.ENVIRONMENT, source_of(variable))
        for length in range(len(path), -1, -1):
            for positions in maps:
                position = positions.get(path[:length])
                if position is not None:
                    return Origin(OriginKind.FILE, self.file, position.line, position.column)
        return Origin(OriginKind.FILE, self.file)

    def _override_around(self, path: SettingPath) -> str | None:
        around = (self.overridden.get(path[:length]) for length in range(len(path), 0, -1))
        return next((variable for variable in around if variable is not None), None)

    def _override_that_made(self, path: SettingPath) -> str | None:
        """The override below `path` without which the file would have nothing there."""
        if path in self.document.values:
            return None
        return next((variable for inner, variable in self.overridden.items() if inner[: len(path)] == path), None)
