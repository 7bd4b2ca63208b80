"""`identity.yaml` to a claims mapping, or every problem with its place."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from pdp.core.contract.errors import ConfigurationError
from pdp.core.document.sections import Sections, where
from pdp.core.document.tree import SettingPath
from pdp.core.identity.attribute import TAKEN, AttributeType, is_attribute_name
from pdp.core.identity.condition import Condition
from pdp.core.identity.condition_file import read_condition
from pdp.core.identity.delegation import DelegationSource
from pdp.core.identity.mapping import AgentEntry, IdentityMapping, IssuerEntry, Refusal, Sources
from pdp.core.identity.scopes import ScopeCycleError, closed
from pdp.core.identity.source import Source
from pdp.core.identity.source_file import Wanted, read_claim, read_source, read_sources

CODE: Final = "identity_invalid"

_ALIAS: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_MAX_MESSAGE: Final = 300


class _Head(msgspec.Struct, frozen=True):
    version: Literal[1]
    attributes: dict[str, AttributeType] = {}
    scopes: dict[str, tuple[str, ...]] = {}
    issuers: dict[str, IssuerEntry] = {}
    default: IssuerEntry | None = None


class _Scopes(msgspec.Struct, frozen=True):
    implies: dict[str, tuple[str, ...]] = {}


def read_mapping(raw: bytes, *, file: str) -> IdentityMapping:
    """The mapping that `raw`, called `file`, writes.

    Raises:
        ConfigurationError: with every problem found.

    """
    reader = _Reader(Sections(raw, file=file, code=CODE))
    mapping = reader.read()
    problems = reader.sections.problems
    if problems or mapping is None:
        raise ConfigurationError(problems)
    return mapping


class _Reader:
    """Reads one file; `declared` are the attributes that it says there are."""

    def __init__(self, sections: Sections) -> None:
        self.sections = sections
        self.declared: Mapping[str, AttributeType] = {}

    def read(self) -> IdentityMapping | None:
        if self.sections.problems:
            return None
        tree = self.sections.tree
        written = tree.get("attributes", {}) if isinstance(tree, dict) else {}
        self.declared = self._attributes(written, ("attributes",))
        head = self.sections.struct(
            tree,
            _Head,
            (),
            attributes=lambda _value, _at: self.declared,
            scopes=self._scopes,
            issuers=self._issuers,
            default=self._entry,
        )
        if head is None:
            return None
        if not head.issuers and head.default is None:
            self.sections.report((), "the mapping needs an entry in `issuers`, or a `default`")
        return IdentityMapping(dict(self.declared), head.scopes, head.issuers, head.default)

    def _attributes(self, value: Any, at: SettingPath) -> dict[str, AttributeType]:
        return {
            name: kind
            for name, kind in self.sections.each(value, self._type, at).items()
            if self._is_attribute(name, (*at, name))
        }

    def _type(self, value: Any, at: SettingPath) -> AttributeType | None:
        try:
            return AttributeType(value)
        except ValueError:
            known = ", ".join(f"`{kind}`" for kind in AttributeType)
            self.sections.report(at, f"the type of an attribute is one of {known}")
            return None

    def _is_attribute(self, name: str, at: SettingPath) -> bool:
        if is_attribute_name(name):
            return True
        taken = ", ".join(f"`{each}`" for each in sorted(TAKEN))
        text = f"`{name}` cannot be an attribute: letters, digits and `_`, at most 64 and none of {taken}"
        self.sections.report(at, text)
        return False

    def _scopes(self, value: Any, at: SettingPath) -> dict[str, tuple[str, ...]]:
        read = self.sections.struct(value, _Scopes, at)
        try:
            return {} if read is None else closed(read.implies)
        except ScopeCycleError as error:
            self.sections.report((*at, "implies", error.scope), str(error))
            return {}

    def _issuers(self, value: Any, at: SettingPath) -> dict[str, IssuerEntry]:
        for alias in value if isinstance(value, dict) else ():
            self._check_alias(alias, (*at, alias))
        return self.sections.each(value, self._entry, at)

    def _check_alias(self, alias: str, at: SettingPath) -> None:
        if not _ALIAS.fullmatch(alias):
            self.sections.report(at, f"`{alias}` cannot be an issuer's alias: lower-case letters, digits and `-`")

    def _entry(self, value: Any, at: SettingPath) -> IssuerEntry | None:
        entry = self.sections.struct(
            value,
            IssuerEntry,
            at,
            **self._members(),
            agent=self._agent,
            delegation=self._delegation,
            refuse=self._refusals,
        )
        if entry is not None and entry.id is None and (entry.agent is None or entry.agent.id is None):
            self.sections.report(at, f"{where(at)} needs `id`")
        return entry

    def _agent(self, value: Any, at: SettingPath) -> AgentEntry | None:
        return self.sections.struct(value, AgentEntry, at, **self._members(), when=self._condition)

    def _members(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "groups": self._names,
            "roles": self._names,
            "scopes": self._names,
            "tenant": self._name,
            "actor": self._name,
            "attributes": self._sources,
        }

    def _id(self, value: Any, at: SettingPath) -> Source | None:
        return read_source(self.sections, value, at, wanted=Wanted.ID)

    def _name(self, value: Any, at: SettingPath) -> Source | None:
        return read_source(self.sections, value, at, wanted=Wanted.NAME)

    def _names(self, value: Any, at: SettingPath) -> Sources:
        return read_sources(self.sections, value, at)

    def _sources(self, value: Any, at: SettingPath) -> dict[str, Source]:
        return self.sections.each(value, self._attribute, at)

    def _attribute(self, value: Any, at: SettingPath) -> Source | None:
        kind = self.declared.get(str(at[-1]))
        if kind is None:
            self.sections.report(at, f"`{at[-1]}` is not declared in `attributes`")
            return None
        return read_source(self.sections, value, at, wanted=kind)

    def _condition(self, value: Any, at: SettingPath) -> Condition | None:
        return read_condition(self.sections, value, at)

    def _delegation(self, value: Any, at: SettingPath) -> DelegationSource | None:
        found = self.sections.struct(value, DelegationSource, at, claim=self._claim)
        for issuer, alias in ({} if found is None else found.issuers).items():
            self._check_alias(alias, (*at, "issuers", issuer))
        return found

    def _claim(self, value: Any, at: SettingPath) -> str:
        paths = read_claim(self.sections, value, at)
        if len(paths) != 1:
            self.sections.report(at, f"{where(at)} is one path")
        return "".join(paths[:1])

    def _refusals(self, value: Any, at: SettingPath) -> tuple[Refusal, ...]:
        listed = self.sections.take(value, list[Any], at) or []
        read = [self._refusal(part, (*at, index)) for index, part in enumerate(listed)]
        return tuple(refusal for refusal in read if refusal is not None)

    def _refusal(self, value: Any, at: SettingPath) -> Refusal | None:
        found = self.sections.struct(value, Refusal, at, when=self._condition)
        if found is not None and not (found.message.isprintable() and 0 < len(found.message) <= _MAX_MESSAGE):
            self.sections.report((*at, "message"), f"a message is one line of at most {_MAX_MESSAGE} characters")
        return found
