"""Policies, templates and links as they stand in their files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pdp.core.contract.errors import Problem
from pdp.core.engine.checks.code import ACKNOWLEDGEABLE, RULES, Code
from pdp.core.engine.checks.review import Note, Reviewed
from pdp.core.engine.links import Link, named, slots_of
from pdp.core.engine.syntax.source import Statement
from pdp.core.engine.syntax.span import Span

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_ID_RULE: Final = "an id has letters, digits, `.`, `_`, `/` and `-`, at most 128, and starts with a letter or digit"


@dataclass(frozen=True, slots=True)
class Written:
    """A policy or template, and where it stands: its statement, and the link that makes a policy of a template."""

    reviewed: Reviewed
    statement: Statement
    link: Link | None = None

    @property
    def id(self) -> str:
        """Its `@id`, or that of the link; "" where it has none."""
        return self.reviewed.tree.annotations.get("id", "")

    @property
    def file(self) -> str:
        """The file that it stands in."""
        return self.statement.file if self.link is None else self.link.file

    @property
    def line(self) -> int:
        """The line that it begins in."""
        return self.statement.line if self.link is None else self.link.place.line

    @property
    def is_template(self) -> bool:
        """Whether it has slots, so that it decides nothing by itself."""
        return bool(slots_of(self.reviewed.tree))

    def as_text_says(self) -> Reviewed:
        """What was reviewed, under the id that its text has: a link's text has that of its template."""
        if self.link is None:
            return self.reviewed
        return replace(self.reviewed, tree=named(self.reviewed.tree, identifier=self.link.template))

    def problem(self, note: Note) -> Problem:
        """`note` with its place; what is wrong with a linked template is wrong with the link."""
        if self.link is not None:
            pointed_at = self.reviewed.text[note.span.start : note.span.end]
            fillings = (filling for filling in self.link.fillings.values() if filling.text in pointed_at)
            place = next((filling.place for filling in fillings), None)
            return self.link.problem(note.code, note.message, at=place)
        rule = RULES[note.code]
        return self.statement.problem(note.span, code=note.code.value, message=note.message, severity=rule.severity)

    def problems(self, notes: Iterable[Note]) -> Iterator[Problem]:
        """Those of `notes` that the policy does not acknowledge."""
        silent = self.reviewed.acknowledged & ACKNOWLEDGEABLE
        return (self.problem(note) for note in notes if note.code not in silent)


class Ids:
    """Who has which id; `problems` are those of ids."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self.problems: list[Problem] = []

    def admit(self, one: Written) -> str | None:
        """The id of `one`, None where it is none or another has it."""
        code, message = self._wrong(one.id)
        if code is not None:
            self.problems.append(one.problem(Note(code, message, _id_span(one))))
            return None
        self._first[one.id] = f"{one.file}:{one.line}"
        return one.id

    def places(self) -> Mapping[str, str]:
        """Where each id is given, as `file:line`."""
        return self._first

    def _wrong(self, key: str) -> tuple[Code | None, str]:
        if not key:
            return Code.ID_MISSING, 'every policy needs an `@id("...")`'
        if not _ID.fullmatch(key):
            return Code.ID_INVALID, _ID_RULE
        if key in self._first:
            return Code.ID_DUPLICATE, f"`{key}` is also at {self._first[key]}"
        return None, ""


def _id_span(one: Written) -> Span:
    """The `@id`, else the first character."""
    match = re.search(r"@\s*id\b[^)]*\)?", one.statement.text) if one.id else None
    return Span(match.start(), match.end()) if match is not None else Span(0, 0)
