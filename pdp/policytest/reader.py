"""Reads one file's entries, each with its place; every problem is kept."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import msgspec

from pdp.core.contract.errors import Problem
from pdp.core.document.tree import Document, SettingPath

_WHERE: Final = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
_MEMBERS: Final = ("version", "defaults", "principals", "cases")

Kind = TypeVar("Kind", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class EntryReader:
    """Reads entries of one document; what is wrong goes to `problems`."""

    file: str
    document: Document
    problems: list[Problem]

    def report(self, path: SettingPath, code: str, message: str) -> None:
        """Add a problem at the nearest place that `path` names."""
        self.problems.append(Problem(self.file, self.line(path), 0, code, message))

    def line(self, path: SettingPath) -> int:
        """The line where `path`, or the nearest section around it, stands."""
        for length in range(len(path), -1, -1):
            at = path[:length]
            position = self.document.keys.get(at) or self.document.values.get(at)
            if position is not None:
                return position.line
        return 0

    def top(self) -> dict[str, Any]:
        """The file's members, without those it may not have."""
        tree = self.document.tree
        if not isinstance(tree, dict):
            self.report((), "invalid", "a file of policy tests has `version`, `principals` and `cases`")
            return {}
        self._refuse_unknown((), tree, _MEMBERS)
        version = tree.get("version")
        if type(version) is not int or version != 1:
            self.report(("version",), "invalid", "`version` must be 1")
        return tree

    def read(self, path: SettingPath, value: Any, kind: type[Kind]) -> Kind | None:
        """The entry at `path`, None when it is not as it must be."""
        if isinstance(value, dict) and self._refuse_unknown(path, value, kind.__struct_fields__):
            return None
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self._report_invalid(path, str(error))
            return None

    def _refuse_unknown(self, path: SettingPath, value: dict[str, Any], known: Collection[str]) -> list[str]:
        unknown = [name for name in value if name not in known]
        for name in unknown:
            self.report((*path, name), "unknown", f"`{name}` means nothing here{suggestion(name, known=known)}")
        return unknown

    def _report_invalid(self, path: SettingPath, text: str) -> None:
        match = _WHERE.fullmatch(text)
        what, where = (match["what"], match["path"]) if match else (text, None)
        steps: tuple[str | int, ...] = tuple(name or int(index) for name, index in _STEP.findall(where or ""))
        member = f"`{steps[0]}`: " if steps else ""
        self.report((*path, *steps), "invalid", member + what[:1].lower() + what[1:].replace("'", "`"))


def suggestion(name: str, *, known: Collection[str]) -> str:
    """A clause with the one of `known` closest to `name`, empty when none is close."""
    close = get_close_matches(name, list(known), n=1)
    return f", did you mean `{close[0]}`" if close else ""
