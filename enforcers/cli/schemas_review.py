"""What a server offers against what is approved of it: a finding for each definition."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from enforcers.cli.schemas_folder import Snapshots, reference_of
from enforcers.gateway.upstreams.inventory import Inventory
from enforcers.gateway.upstreams.listing import Unusable
from pdp.core.catalog.definitions.admission import Allowances, DefinitionRefusedError, admit
from pdp.core.catalog.definitions.definition import NAMING, Definition, Kind, definition_of
from pdp.core.catalog.drift.change import Change
from pdp.core.catalog.drift.definition import changes
from pdp.core.text.twins import twins


class State(StrEnum):
    """How the offered definition stands to the approved one."""

    APPROVED = "approved"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    REFUSED = "refused"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one definition; `reference` is None for an entry without a usable name.

    `reasons` say why it is refused or what is wrong with its snapshot, `twins` are other names that its own
    can be taken for.
    """

    kind: Kind
    name: str | None
    reference: str | None
    state: State
    approved: Definition | None = None
    offered: Definition | None = None
    changes: Sequence[Change] = ()
    reasons: Sequence[str] = ()
    twins: Sequence[str] = ()


def review(server: str, *, snapshots: Snapshots, inventory: Inventory, allowances: Allowances) -> Sequence[Finding]:
    """A finding for every definition that is approved, offered or both, by kind and name."""
    found: dict[str | None, Finding] = {}
    nameless = []
    for unusable in (entry for listing in inventory.values() for entry in listing.unusable):
        finding = _unusable(server, unusable, snapshots)
        if finding.reference is None:
            nameless.append(finding)
        else:
            found[finding.reference] = finding
    for reference, offers in _offered(server, inventory).items():
        found.setdefault(reference, _finding(reference, offers, snapshots, allowances))
    for reference, definition in snapshots.approved.items():
        gone = Finding(definition.kind, definition.name, reference, State.GONE, approved=definition)
        found.setdefault(reference, gone)
    for reference, problem in snapshots.broken.items():
        found[reference] = _broken(reference, found.get(reference), problem)
    order = list(Kind)
    in_order = sorted(found.values(), key=lambda one: (order.index(one.kind), one.name or "", one.reference or ""))
    return [*_with_twins(in_order), *nameless]


def _offered(server: str, inventory: Inventory) -> Mapping[str, Sequence[Definition]]:
    found: dict[str, list[Definition]] = {}
    for kind, listing in inventory.items():
        for content in listing.entries:
            definition = definition_of(kind, server=server, content=content)
            found.setdefault(reference_of(definition), []).append(definition)
    return found


def _finding(reference: str, offers: Sequence[Definition], snapshots: Snapshots, allowances: Allowances) -> Finding:
    offered, approved = offers[0], snapshots.approved.get(reference)
    plain = Finding(offered.kind, offered.name, reference, State.NEW, approved, offered)
    if len(offers) > 1:
        return replace(plain, state=State.REFUSED, reasons=[f"the server offers it {len(offers)} times"])
    try:
        admit(offered, allowances=allowances)
    except DefinitionRefusedError as error:
        return replace(plain, state=State.REFUSED, reasons=[str(reason) for reason in error.reasons])
    if approved is None:
        return plain
    if approved.pin == offered.pin:
        return replace(plain, state=State.APPROVED)
    told = changes(approved.content, offered=offered.content, kind=offered.kind)
    return replace(plain, state=State.CHANGED, changes=told)


def _unusable(server: str, entry: Unusable, snapshots: Snapshots) -> Finding:
    """An entry that is no definition is refused, also where one of its name is approved."""
    if entry.name is None:
        return Finding(entry.kind, None, None, State.REFUSED, reasons=[entry.cause])
    reference = reference_of(definition_of(entry.kind, server=server, content={NAMING[entry.kind]: entry.name}))
    approved = snapshots.approved.get(reference)
    return Finding(entry.kind, entry.name, reference, State.REFUSED, approved, reasons=[entry.cause])


def _broken(reference: str, finding: Finding | None, problem: str) -> Finding:
    """A snapshot that cannot be used: what is offered in its place may replace it where it could be approved."""
    if finding is None:
        return Finding(Kind.TOOL, None, reference, State.BROKEN, reasons=[problem])
    reasons = [problem, *finding.reasons]
    offered = finding.offered if finding.state is State.NEW else None
    return replace(finding, state=State.BROKEN, offered=offered, reasons=reasons)


def _with_twins(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Refuses what is not approved and can be taken for something else of its kind."""
    groups = {
        (kind, name): group
        for kind in (Kind.TOOL, Kind.PROMPT)
        for group in twins(one.name for one in findings if one.kind is kind and one.name is not None)
        for name in group
    }
    for finding in findings:
        others = [name for name in groups.get((finding.kind, finding.name or ""), ()) if name != finding.name]
        if others and finding.state is State.NEW:
            names = ", ".join(f"`{name}`" for name in others)
            yield replace(finding, state=State.REFUSED, twins=others, reasons=[f"its name can be taken for {names}"])
        else:
            yield replace(finding, twins=others)
