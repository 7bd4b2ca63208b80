"""What changed on a server: definitions added, removed and changed since they were approved."""

from collections.abc import Iterable
from dataclasses import dataclass

from pdp.core.catalog.definitions.definition import Definition, Kind
from pdp.core.catalog.drift.change import Change
from pdp.core.catalog.drift.definition import changes
from pdp.core.catalog.text.twins import Names


@dataclass(frozen=True, slots=True)
class Added:
    """An offered definition without an approved one; `twin_of` is the approved name that its name is taken for."""

    offered: Definition
    twin_of: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """An offered definition that is not the approved one, with at least one change."""

    approved: Definition
    offered: Definition
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ServerDrift:
    """How what a server offers differs from what was approved; equal to `ServerDrift()` where it does not.

    `repeated` has every offer of a name that is offered more than once; each is compared too.
    """

    added: tuple[Added, ...] = ()
    removed: tuple[Definition, ...] = ()
    changed: tuple[Changed, ...] = ()
    repeated: tuple[Definition, ...] = ()


def drift_of(approved: Iterable[Definition], *, offered: Iterable[Definition]) -> ServerDrift:
    """The drift between the definitions of one server, each part sorted by kind and name."""
    before = {(each.kind, each.name): each for each in approved}
    now: dict[tuple[Kind, str], list[Definition]] = {}
    for each in offered:
        now.setdefault((each.kind, each.name), []).append(each)
    names = {kind: Names(name for of, name in before if of is kind) for kind in (Kind.TOOL, Kind.PROMPT)}
    return ServerDrift(
        added=tuple(
            Added(offer, names[key[0]].twin_of(key[1]) if key[0] in names else None)
            for key, offers in sorted(now.items())
            if key not in before
            for offer in offers
        ),
        removed=tuple(one for key, one in sorted(before.items()) if key not in now),
        changed=tuple(
            Changed(before[key], offer, changes(before[key].content, offered=offer.content, kind=key[0]))
            for key, offers in sorted(now.items())
            if key in before
            for offer in offers
            if offer.pin != before[key].pin
        ),
        repeated=tuple(offer for _, offers in sorted(now.items()) if len(offers) > 1 for offer in offers),
    )
