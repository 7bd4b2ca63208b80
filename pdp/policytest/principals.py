"""The principals that a file's cases speak of."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pdp.core.document.tree import SettingPath
from pdp.core.identity.principal import Delegation, Principal, SubjectProperties
from pdp.policytest.entry import PrincipalEntry
from pdp.policytest.reader import EntryReader

_ALIASED: Final = re.compile(r"[a-z0-9][a-z0-9-]*\|.+", re.DOTALL)


def read_principals(reader: EntryReader, value: Any) -> Mapping[str, Principal | None]:
    """By name; None for one that is reported, so that nothing else is said of it."""
    if not isinstance(value, dict):
        reader.report(("principals",), "invalid", "`principals` maps names to principals")
        return {}
    return {name: _principal(reader, ("principals", name), entry) for name, entry in value.items()}


def _principal(reader: EntryReader, path: SettingPath, value: Any) -> Principal | None:
    entry = reader.read(path, value, PrincipalEntry)
    if entry is None:
        return None
    for member, name in _names(entry):
        if not _ALIASED.fullmatch(name):
            text = f"`{name}` does not say which issuer it is of, as in `dev|{name or 'name'}`"
            reader.report((*path, member), "alias_missing", text)
    chain = entry.delegation
    if chain and entry.actor not in {None, chain[0]}:
        reader.report((*path, "actor"), "invalid", "`actor` is the first of `delegation`")
    return Principal(
        type=entry.type,
        id=entry.id,
        properties=SubjectProperties(
            groups=tuple(sorted(set(entry.groups))),
            roles=tuple(sorted(set(entry.roles))),
            tenant=entry.tenant,
            email=entry.email,
        ),
        scopes=tuple(sorted(set(entry.scopes))),
        actor=chain[0] if chain else entry.actor,
        delegation=Delegation.of(chain) if chain else None,
    )


def _names(entry: PrincipalEntry) -> Iterator[tuple[str, str]]:
    """Every id of other people, groups and agents, with the member it stands in."""
    for member, single in (("id", entry.id), ("tenant", entry.tenant), ("actor", entry.actor)):
        if single is not None:
            yield member, single
    for member, several in (("groups", entry.groups), ("roles", entry.roles), ("delegation", entry.delegation)):
        for name in several:
            yield member, name
