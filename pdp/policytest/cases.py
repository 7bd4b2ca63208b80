"""Cases: files of policy tests to what is asked and what must come of it, or every problem."""

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from msgspec import UNSET

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.contract.exact_json import JsonObject
from pdp.core.document.reading import read_document
from pdp.core.document.tree import SettingPath
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.principal import Principal
from pdp.policytest.entry import CaseEntry, Definition, ExpectedDecision, ExpectedList, SeenEntry
from pdp.policytest.principals import read_principals
from pdp.policytest.reader import EntryReader, suggestion


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, where and under which name the case stands, and what the host sees of the caller."""

    file: str
    line: int
    name: str
    principal: Principal
    seen: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class CallCase:
    """One call at `now`, Unix seconds."""

    asker: Asker
    tool: str
    arguments: JsonObject
    now: float
    expect: ExpectedDecision
    definition: Definition = Definition.APPROVED


@dataclass(frozen=True, slots=True)
class ListCase:
    """One listing at `now`, Unix seconds."""

    asker: Asker
    now: float
    expect: ExpectedList


Case: TypeAlias = CallCase | ListCase


def read_cases(
    files: Mapping[str, bytes], *, catalog: Catalog, mapping: IdentityMapping = BUILT_IN
) -> tuple[Case, ...]:
    """The cases of `files` (name to bytes) on tools of `catalog` and principals of `mapping`, by file and line.

    Raises:
        ConfigurationError: with every problem of every file.

    """
    problems: list[Problem] = []
    cases: list[Case] = []
    for file, raw in sorted(files.items()):
        try:
            document = read_document(raw, file=file)
        except ConfigurationError as error:
            problems += error.problems
        else:
            cases += _cases(EntryReader(file, document, problems), catalog, mapping)
    if problems:
        raise ConfigurationError(problems)
    return tuple(cases)


def _cases(reader: EntryReader, catalog: Catalog, mapping: IdentityMapping) -> Iterator[Case]:
    top = reader.top()
    defaults = reader.read(("defaults",), top.get("defaults", {}), SeenEntry) or SeenEntry()
    principals = read_principals(reader, top.get("principals", {}), declared=mapping.attributes)
    values = top.get("cases")
    if not isinstance(values, list) or not values:
        reader.report(("cases",), "cases_missing", "a file of policy tests has at least one case")
        return
    names: dict[str, int] = {}
    for index, value in enumerate(values):
        entry = reader.read(("cases", index), value, CaseEntry)
        if entry is None:
            continue
        first = names.setdefault(entry.name, index)
        if first != index:
            text = f"case `{entry.name}` is also in line {reader.line(('cases', first))}"
            reader.report(("cases", index), "name_repeated", text)
        reading = _Reading(reader, catalog, ("cases", index), entry, defaults)
        case = reading.case(principals)
        if case is not None:
            yield case


@dataclass(frozen=True, slots=True)
class _Reading:
    """One entry on its way to a case."""

    reader: EntryReader
    catalog: Catalog
    path: SettingPath
    entry: CaseEntry
    defaults: SeenEntry

    def case(self, principals: Mapping[str, Principal | None]) -> Case | None:
        asker = self._asker(principals)
        if not self.entry.expect:
            self._report("expect", "expectation_empty", "a case that expects nothing cannot fail")
            return None
        if self.entry.list is not UNSET:
            return self._list_case(asker)
        return self._call_case(asker)

    def _asker(self, principals: Mapping[str, Principal | None]) -> Asker | None:
        name = self.entry.principal
        if name not in principals:
            text = f"there is no principal `{name}` in this file{suggestion(name, known=principals)}"
            self._report("principal", "principal_unknown", text)
        seen = {member: self._seen(member)[1] for member in ("ip", "transport", "session", "enforcer")}
        if seen["ip"] is not None:
            self._check_ip(seen["ip"])
        principal = principals.get(name)
        if principal is None:
            return None
        return Asker(self.reader.file, self.reader.line(self.path), self.entry.name, principal, seen)

    def _call_case(self, asker: Asker | None) -> CallCase | None:
        entry = self.entry
        expect = self.reader.read((*self.path, "expect"), entry.expect, ExpectedDecision)
        now = self._now()
        if not isinstance(entry.call, str):
            self.reader.report(self.path, "invalid", "a case has a `call`, or `list: true`")
            return None
        self._check_tools("call", (entry.call,))
        if expect is None or asker is None or now is None:
            return None
        arguments = entry.arguments if isinstance(entry.arguments, dict) else {}
        definition = Definition.APPROVED if entry.definition is UNSET else entry.definition
        return CallCase(asker, entry.call, arguments, now, expect, definition)

    def _list_case(self, asker: Asker | None) -> ListCase | None:
        expect = self.reader.read((*self.path, "expect"), self.entry.expect, ExpectedList)
        if any(part is not UNSET for part in (self.entry.call, self.entry.arguments, self.entry.definition)):
            text = "a case with `list: true` has no `call`, no `arguments` and no `definition`"
            self.reader.report(self.path, "invalid", text)
        if expect is None:
            return None
        self._check_tools("expect", (*expect.includes, *expect.excludes))
        if not (expect.includes or expect.excludes):
            self._report("expect", "expectation_empty", "a case that expects nothing cannot fail")
        for tool in sorted(set(expect.includes) & set(expect.excludes)):
            self._report("expect", "expectation_impossible", f"`{tool}` cannot be both shown and not shown")
        now = self._now()
        return None if asker is None or now is None else ListCase(asker, now, expect)

    def _now(self) -> float | None:
        path, value = self._seen("now")
        if value is None:
            self.reader.report(path, "now_missing", "say when: `now` in the case or in `defaults`")
            return None
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.reader.report(path, "invalid", "`now` is a time as `2026-07-28T09:00:00Z`")
            return None
        return instant.timestamp()

    def _seen(self, member: str) -> tuple[SettingPath, str | None]:
        """What the case or else its file's defaults say of `member`, and where."""
        own: Any = getattr(self.entry, member)
        if own is not UNSET:
            return (*self.path, member), own
        default: Any = getattr(self.defaults, member)
        return (self.path, None) if default is UNSET else (("defaults", member), default)

    def _check_ip(self, value: str) -> None:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            self.reader.report(self._seen("ip")[0], "invalid", "`ip` is an address as `10.1.2.3` or `2001:db8::1`")

    def _check_tools(self, member: str, tools: Collection[str]) -> None:
        known = [tool.id for tool in self.catalog.tools()]
        for tool in tools:
            if tool not in known:
                text = f"there is no tool `{tool}` in the catalog{suggestion(tool, known=known)}"
                self._report(member, "tool_unknown", text)

    def _report(self, member: str, code: str, message: str) -> None:
        self.reader.report((*self.path, member), code, message)
