"""Groups, roles and users named once, and nearly as another is: an issuer's names can be checked no other way."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pdp.core.catalog.cedar_schema import NAMESPACE
from pdp.core.engine.cedar import EntityUid

_KINDS: Final = {f"{NAMESPACE}::{kind}": kind.lower() for kind in ("Group", "Role", "User")}
_SHORTEST: Final = 4
_DIGITS: Final = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Suspect:
    """`name` is in one policy alone; `near`, a letter away, is in several."""

    policy: str
    name: EntityUid
    near: str

    def __str__(self) -> str:
        kind = _KINDS[self.name.type]
        return f"{kind} `{self.name.id}` is named here alone, and `{self.near}` elsewhere; is this one meant?"


def suspects(named: Mapping[str, frozenset[EntityUid]]) -> Iterator[Suspect]:
    """The suspicious names among those that policies, by their ids, have."""
    uses = Counter(uid for uids in named.values() for uid in uids if uid.type in _KINDS)
    usual: dict[tuple[str, str], list[str]] = defaultdict(list)
    for uid, count in sorted(uses.items()):
        for form in _forms(uid.id) if count > 1 else ():
            usual[uid.type, form].append(uid.id)
    for policy, uids in sorted(named.items()) if usual else ():
        for uid in sorted(uids):
            near = _near(uid, usual) if uses[uid] == 1 else None
            if near is not None:
                yield Suspect(policy, uid, near)


def _near(uid: EntityUid, usual: Mapping[tuple[str, str], list[str]]) -> str | None:
    """A usual name one letter away; names that differ in digits alone are a series, as `team-1` and `team-2`."""
    if len(uid.id.rpartition("|")[2]) < _SHORTEST:
        return None
    series = _DIGITS.sub("0", uid.id)
    found = {other for form in _forms(uid.id) for other in usual.get((uid.type, form), ())}
    return min((other for other in found if _DIGITS.sub("0", other) != series), default=None)


def _forms(name: str) -> set[str]:
    """`name` and each text with one character less: names that share one are a letter, or two swapped, apart."""
    return {name, *(name[:index] + name[index + 1 :] for index in range(len(name)))}
