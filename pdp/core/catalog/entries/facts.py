"""What `catalog.yaml` says of a tool, by name or glob: together, and where it contradicts itself."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.catalog.definitions.admission import Allowances
from pdp.core.catalog.entries.entry import Entries, ServerEntry, ToolEntry
from pdp.core.catalog.entries.glob import Glob, read_glob
from pdp.core.catalog.entries.toolsets import Groups
from pdp.core.catalog.tool import Mark, RiskLevel, Undeclared
from pdp.core.contract.record_terms import Recording, strictest

_UNKNOWN: Final = ServerEntry()


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two entries match one tool and say different things of a member; by the keys that they stand under."""

    member: tuple[str, ...]
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What is said of one tool; `marks` and `scopes` are those of all entries that match it.

    Of what they say to `record`, the strictest counts.
    """

    trusted: bool
    tenant: str | None
    marks: dict[str, Mark]
    undeclared: Undeclared
    risk: RiskLevel
    owners: tuple[str, ...]
    toolsets: tuple[str, ...]
    tags: tuple[str, ...]
    scopes: tuple[str, ...]
    record: Recording
    record_arguments: dict[str, Recording]


class ServerRules:
    """The entries for tools of one server: an exact name wins over globs, member by member."""

    def __init__(self, entry: ServerEntry) -> None:
        self._exact: dict[str, dict[str, ToolEntry]] = {}
        self._globs: list[tuple[Glob, ToolEntry]] = []
        for key, tool in entry.tools.items():
            glob = read_glob(key)
            if glob.literal is None:
                self._globs.append((glob, tool))
            else:
                self._exact.setdefault(glob.literal, {})[key] = tool

    def matching(self, tool: str) -> tuple[Mapping[str, ToolEntry], Mapping[str, ToolEntry]]:
        """The entries for `tool` by their keys: those by its name, and those by globs."""
        return self._exact.get(tool, {}), {glob.text: entry for glob, entry in self._globs if glob.matches(tool)}

    def disputes(self, tool: str) -> Iterable[Dispute]:
        """Where entries of one kind say different things of `tool`, and none by its name settles it."""
        exact, by_glob = self.matching(tool)
        settled = {member for entry in exact.values() for member in _said(entry)}
        yield from _disputed(exact, settled=frozenset())
        yield from _disputed(by_glob, settled=settled)


class Facts:
    """Everything that entries say, ready to be asked for one tool after the other."""

    def __init__(self, entries: Entries) -> None:
        self._servers = entries.servers
        self._rules = {name: ServerRules(entry) for name, entry in entries.servers.items()}
        self.toolsets: Final = Groups(entries.toolsets)
        self.tags: Final = Groups(entries.tags)

    def rules(self, server: str) -> ServerRules:
        """The entries for tools of `server`."""
        return self._rules.get(server) or ServerRules(_UNKNOWN)

    def allowances(self, server: str) -> Allowances:
        """What definitions of `server` may have that others may not."""
        return Allowances(unsafe_hidden_text=self._servers.get(server, _UNKNOWN).unsafe_hidden_text)

    def of(self, server: str, tool: str) -> ToolFacts:
        """What is said of `tool` of `server`; nothing is said against itself there."""
        entry = self._servers.get(server, _UNKNOWN)
        exact, by_glob = self.rules(server).matching(tool)
        ranked = [*by_glob.values(), *exact.values()]
        scopes = {*entry.scopes, *(scope for one in ranked for scope in one.scopes)}
        owners, risk, undeclared = entry.owners, entry.risk or RiskLevel.UNRATED, entry.undeclared
        for one in ranked:
            owners = owners if one.owners is None else one.owners
            risk, undeclared = one.risk or risk, one.undeclared or undeclared
        return ToolFacts(
            trusted=entry.trusted,
            tenant=entry.tenant,
            marks={argument: mark for one in ranked for argument, mark in one.arguments.items()},
            undeclared=undeclared,
            risk=risk,
            owners=owners,
            toolsets=self.toolsets.having(server, tool),
            tags=self.tags.having(server, tool),
            scopes=tuple(sorted(scopes)),
            record=strictest(entry.record, *(one.record for one in ranked)),
            record_arguments=_strictest_of_each(ranked),
        )


def _strictest_of_each(entries: Iterable[ToolEntry]) -> dict[str, Recording]:
    found: dict[str, Recording] = {}
    for entry in entries:
        for argument, recording in entry.record_arguments.items():
            found[argument] = strictest(found.get(argument), recording)
    return found


def _said(entry: ToolEntry) -> dict[tuple[str, ...], Any]:
    """The members of an entry of which another may say something else, with what it says; marks one by one."""
    members: dict[tuple[str, ...], Any] = {
        ("risk",): entry.risk,
        ("owners",): None if entry.owners is None else frozenset(entry.owners),
        ("undeclared",): entry.undeclared,
    }
    marks = {("arguments", argument): mark for argument, mark in entry.arguments.items()}
    return {member: value for member, value in (members | marks).items() if value is not None}


def _disputed(entries: Mapping[str, ToolEntry], *, settled: Collection[tuple[str, ...]]) -> Iterable[Dispute]:
    first: dict[tuple[str, ...], tuple[str, Any]] = {}
    for key, entry in entries.items():
        for member, value in _said(entry).items():
            if member in settled:
                continue
            by, before = first.setdefault(member, (key, value))
            if before != value:
                yield Dispute(member, by, key)
