"""Links: files `*.links.yaml` that make policies of templates, one for each link, under the link's own id."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeVar

import msgspec

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.document.reading import read_document
from pdp.core.document.tree import Document, Position, SettingPath
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.code import RULES, Code
from pdp.core.engine.syntax.literals import EscapeError, string_value
from pdp.core.engine.syntax.parser import Parsed

SUFFIX: Final = ".links.yaml"

_ENTITY: Final = re.compile(r'(?P<type>[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)::(?P<id>"(?:\\[^\n]|[^"\\\n])*")', re.ASCII)
_SLOTS: Final[tuple[pst.SlotName, ...]] = ("principal", "resource")

T = TypeVar("T")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    template: str
    principal: str | None = None
    resource: str | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    links: list[Any] = []


@dataclass(frozen=True, slots=True)
class Filling:
    """What a link puts into a slot: an entity as Cedar writes it, and where the link says so."""

    text: str
    place: Position


@dataclass(frozen=True, slots=True)
class Link:
    """One link, at `place` of `file`; `template` is the id of the template."""

    id: str
    template: str
    fillings: Mapping[pst.SlotName, Filling]
    file: str
    place: Position
    template_place: Position

    def problem(self, code: Code, message: str, *, at: Position | None = None) -> Problem:
        """A problem with this link."""
        place = at or self.place
        return Problem(self.file, place.line, place.column, code.value, message, RULES[code].severity)


def read_links(sources: Mapping[str, bytes]) -> tuple[list[Link], list[Problem]]:
    """The links of `sources` (file name to bytes), in the order of files and lines, and what is wrong with the rest."""
    links: list[Link] = []
    problems: list[Problem] = []
    for file, raw in sorted(sources.items()):
        try:
            reader = _Reader(file, read_document(raw, file=file), problems)
        except ConfigurationError as error:
            problems += error.problems
        else:
            links += reader.links()
    return links, problems


def slots_of(tree: pst.Template) -> frozenset[pst.SlotName]:
    """The slots of `tree`; a policy has none."""
    constraints = (tree.principal, tree.resource)
    return frozenset(entity.name for one in constraints if isinstance(entity := getattr(one, "entity", None), pst.Slot))


def filled(link: Link, *, template: Parsed, text: str) -> str | None:
    """The text of the policy that `link` makes of `template`, whose text is `text`.

    None where the places of its slots are not known.
    """
    places = []
    for constraint in (template.tree.principal, template.tree.resource):
        slot = getattr(constraint, "entity", None)
        if isinstance(slot, pst.Slot):
            span = template.span(slot)
            if span is None:
                return None
            places.append((span, link.fillings[slot.name].text))
    for span, entity in sorted(places, key=lambda place: place[0].start, reverse=True):
        text = text[: span.start] + entity + text[span.end :]
    return text


def named(tree: pst.Template, *, identifier: str) -> pst.Template:
    """`tree` under the id of its link."""
    return replace(tree, annotations=pst.FrozenMap({**tree.annotations, "id": identifier}))


def slot_problems(link: Link, *, slots: frozenset[pst.SlotName]) -> Iterator[Problem]:
    """The slots of the template that `link` leaves empty, and those that it fills and that are not there."""
    for slot in sorted(slots - link.fillings.keys()):
        yield link.problem(Code.LINK_INVALID, f"template `{link.template}` has a slot `?{slot}`: give a `{slot}`")
    for slot in sorted(link.fillings.keys() - slots):
        message = f"template `{link.template}` has no slot `?{slot}`"
        yield link.problem(Code.LINK_INVALID, message, at=link.fillings[slot].place)


class _Reader:
    """Reads the links of one document."""

    def __init__(self, file: str, document: Document, problems: list[Problem]) -> None:
        self._file = file
        self._document = document
        self._problems = problems

    def links(self) -> Iterator[Link]:
        whole = self._take(self._document.tree, _File, ())
        for index, part in enumerate(whole.links if whole is not None else ()):
            at: SettingPath = ("links", index)
            entry = self._take(part, _Entry, at)
            link = None if entry is None else self._link(entry, at)
            if link is not None:
                yield link

    def _link(self, entry: _Entry, at: SettingPath) -> Link | None:
        fillings: dict[pst.SlotName, Filling] = {}
        for slot in _SLOTS:
            text = entry.principal if slot == "principal" else entry.resource
            if text is None:
                continue
            if not _is_entity(text):
                message = f"`{slot}` is no entity: write it as in `'Mcp::Group::\"corp|staff\"'`"
                self._report((*at, slot), message)
                return None
            fillings[slot] = Filling(text, self._place((*at, slot)))
        places = self._place((*at, "id")), self._place((*at, "template"))
        return Link(entry.id, entry.template, fillings, self._file, *places)

    def _take(self, value: Any, kind: type[T], at: SettingPath) -> T | None:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self._report(at, f"{'the link' if at else 'the file'} is not as it must be: {error}")
            return None

    def _report(self, at: SettingPath, message: str) -> None:
        place = self._place(at)
        self._problems.append(Problem(self._file, place.line, place.column, Code.LINK_INVALID.value, message))

    def _place(self, at: SettingPath) -> Position:
        return self._document.values.get(at) or self._document.keys.get(at) or Position(1, 1)


def _is_entity(text: str) -> bool:
    match = _ENTITY.fullmatch(text)
    try:
        return match is not None and string_value(match["id"]) is not None
    except EscapeError:
        return False
