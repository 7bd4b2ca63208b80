"""The principals that a file's cases speak of."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pdp.core.document.tree import SettingPath
from pdp.core.identity.attribute import AttributeType, AttributeValue, NotOfTypeError, normal
from pdp.core.identity.principal import Principal, SubjectProperties
from pdp.policytest.entry import PrincipalEntry
from pdp.policytest.reader import EntryReader, suggestion

_ALIASED: Final = re.compile(r"[a-z0-9][a-z0-9-]*\|.+", re.DOTALL)


def read_principals(
    reader: EntryReader, value: Any, *, declared: Mapping[str, AttributeType]
) -> Mapping[str, Principal | None]:
    """By name, with attributes of those `declared`; None for one that is reported, so that no more is said of it."""
    if not isinstance(value, dict):
        reader.report(("principals",), "invalid", "`principals` maps names to principals")
        return {}
    return {name: _principal(reader, ("principals", name), entry, declared) for name, entry in value.items()}


def _principal(
    reader: EntryReader, path: SettingPath, value: Any, declared: Mapping[str, AttributeType]
) -> Principal | None:
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
            attributes=_attributes(reader, (*path, "attributes"), entry, declared),
        ),
        scopes=tuple(sorted(set(entry.scopes))),
        actor=chain[0] if chain else entry.actor,
        chain=tuple(chain),
    )


def _attributes(
    reader: EntryReader, path: SettingPath, entry: PrincipalEntry, declared: Mapping[str, AttributeType]
) -> dict[str, AttributeValue]:
    found = {}
    for name, value in entry.attributes.items():
        kind = declared.get(name)
        if kind is None:
            text = f"the claims mapping declares no attribute `{name}`{suggestion(name, known=declared)}"
            reader.report((*path, name), "attribute_unknown", text)
            continue
        try:
            found[name] = normal(value, kind)
        except NotOfTypeError as error:
            reader.report((*path, name), "invalid", f"`{name}` {error}")
    return found


def _names(entry: PrincipalEntry) -> Iterator[tuple[str, str]]:
    """Every id of other people, groups and agents, with the member it stands in."""
    for member, single in (("id", entry.id), ("tenant", entry.tenant), ("actor", entry.actor)):
        if single is not None:
            yield member, single
    for member, several in (("groups", entry.groups), ("roles", entry.roles), ("delegation", entry.delegation)):
        for name in several:
            yield member, name
