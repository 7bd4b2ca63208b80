"""Sections of a file as typed values: each member read by itself, so that each problem has its place."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.document.reading import read_document
from pdp.core.document.tree import Document, Position, SettingPath

S = TypeVar("S", bound=msgspec.Struct)


class Sections:
    """Reads one file; what is wrong goes to `problems`, under `code` where a section is not as it must be."""

    def __init__(self, raw: bytes, *, file: str, code: str) -> None:
        self._file = file
        self._code = code
        self._document = Document(tree=None)
        self.problems: list[Problem] = []
        try:
            self._document = read_document(raw, file=file)
        except ConfigurationError as error:
            self.problems += error.problems

    @property
    def tree(self) -> Any:
        """What the whole file says, None where it cannot be read."""
        return self._document.tree

    def struct(
        self, value: Any, kind: type[S], at: SettingPath, **apart: Callable[[Any, SettingPath], Any]
    ) -> S | None:
        """What is at `at`, None where something in it is wrong; members in `apart` are read by that."""
        given = self.take(value, dict[str, Any], at)
        if given is None:
            return None
        before = len(self.problems)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        read = {}
        for name, part in given.items():
            if name not in fields:
                self.report((*at, name), f"`{name}` means nothing here{_meant(name, fields)}")
                continue
            field = fields[name]
            own = apart.get(field.name)
            read[field.name] = self.take(part, field.type, (*at, name)) if own is None else own(part, (*at, name))
        for name, field in fields.items():
            if field.required and name not in given:
                self.report(at, f"{where(at)} needs `{name}`")
        return kind(**read) if len(self.problems) == before else None

    def each(self, value: Any, read: Callable[[Any, SettingPath], Any], at: SettingPath) -> dict[str, Any]:
        """The members of the section at `at`, by name, each read by `read`; without those that are wrong."""
        given = self.take(value, dict[str, Any], at) or {}
        found = {name: read(part, (*at, name)) for name, part in given.items()}
        return {name: part for name, part in found.items() if part is not None}

    def take(self, value: Any, kind: Any, at: SettingPath) -> Any:
        """`value` as a `kind`, None where it is none."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self.report(at, f"{where(at)} is not as it must be: {error}")
            return None

    def report(self, at: SettingPath, message: str, *, code: str | None = None) -> None:
        """Add a problem at `at`."""
        self.problems.append(self.problem(at, message, code=code))

    def problem(self, at: SettingPath, message: str, *, code: str | None = None) -> Problem:
        """A problem at the key, or else the value, that is at `at`, or at what is around it."""
        keys, values = self._document.keys, self._document.values
        around = (at[:length] for length in range(len(at), -1, -1))
        place = next((place for each in around if (place := keys.get(each) or values.get(each))), Position(1, 0))
        return Problem(self._file, place.line, place.column, code or self._code, message)

    def has(self, at: SettingPath) -> bool:
        """Whether there is something at `at`."""
        return at in self._document.values


def where(at: SettingPath) -> str:
    """How a message names the section at `at`."""
    return f"`{'.'.join(str(step) for step in at)}`" if at else "the file"


def _meant(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
