"""The claims mapping: what `identity.yaml` says, for each issuer, of how its tokens' claims make a principal."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from pdp.core.contract.digest import digest_of
from pdp.core.contract.exact_json import canonical
from pdp.core.identity.attribute import AttributeType
from pdp.core.identity.condition import Condition, check_paths
from pdp.core.identity.delegation import DelegationSource
from pdp.core.identity.path import read_path
from pdp.core.identity.source import Source, texts_of

Sources = tuple[Source, ...]


class Members(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the members of a principal come from; one that is not written is nobody's."""

    id: Source | None = None
    groups: Sources | None = None
    roles: Sources | None = None
    tenant: Source | None = None
    scopes: Sources | None = None
    actor: Source | None = None
    attributes: dict[str, Source] = {}


class AgentEntry(Members, frozen=True, kw_only=True, omit_defaults=True):
    """Which tokens are an agent's own, and what of them is read otherwise than of a user's."""

    when: Condition


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens that nobody gets in with, and what their holders read."""

    when: Condition
    message: str


class IssuerEntry(Members, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """How the tokens of one issuer are read."""

    agent: AgentEntry | None = None
    delegation: DelegationSource | None = None
    refuse: tuple[Refusal, ...] = ()

    @cached_property
    def of_agents(self) -> Members:
        """Where the members of agents come from."""
        return self if self.agent is None else _over(self, self.agent)

    def sources(self) -> Iterator[Source]:
        """Every source, those of agents too."""
        for members in (self, self.agent):
            if members is not None:
                single = (members.id, members.tenant, members.actor, *members.attributes.values())
                yield from (source for source in single if source is not None)
                for several in (members.groups, members.roles, members.scopes):
                    yield from several or ()

    def conditions(self) -> Iterator[Condition]:
        """Every condition."""
        yield from (refusal.when for refusal in self.refuse)
        if self.agent is not None:
            yield self.agent.when


class IdentityMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A whole mapping: the attributes that policies see, what scopes imply, and an entry for each issuer's alias.

    `default` is the entry of every other alias; without it those have no principals. `implies` is closed: it
    names what is implied directly or not.
    """

    attributes: dict[str, AttributeType] = {}
    implies: dict[str, tuple[str, ...]] = {}
    issuers: dict[str, IssuerEntry] = {}
    default: IssuerEntry | None = None

    def entry(self, alias: str) -> IssuerEntry | None:
        """How the tokens of the issuer called `alias` are read, None where nobody said."""
        return self.issuers.get(alias, self.default)

    @cached_property
    def aliases(self) -> frozenset[str] | None:
        """Every alias that an id can begin with, None where any can."""
        if self.default is not None:
            return None
        chains = [entry.delegation.issuers.values() for entry in self.issuers.values() if entry.delegation]
        return frozenset(self.issuers).union(*chains)

    @cached_property
    def digest(self) -> str:
        """Digest over exactly the bytes of `to_json`."""
        return digest_of(self.to_json())

    def to_json(self) -> bytes:
        """The wire form that `from_json` reads, the same for equal mappings."""
        return canonical(msgspec.to_builtins(self))

    @staticmethod
    def from_json(raw: bytes) -> "IdentityMapping":
        """The mapping in `raw`.

        Raises:
            msgspec.MsgspecError: it is none.

        """
        mapping = msgspec.json.decode(raw, type=IdentityMapping)
        try:
            for entry in (*mapping.issuers.values(), *([] if mapping.default is None else [mapping.default])):
                _check(entry)
        except ValueError as error:
            raise msgspec.ValidationError("a path of the mapping is none") from error
        return mapping


def _check(entry: IssuerEntry) -> None:
    for text in texts_of(entry.sources()):
        read_path(text)
    for condition in entry.conditions():
        check_paths(condition)
    if entry.delegation is not None:
        read_path(entry.delegation.claim)


def _over(entry: Members, agent: Members) -> Members:
    """The members of `entry`, with those that `agent` has in their place."""
    own: Mapping[str, Any] = {
        name: value for name in Members.__struct_fields__ if (value := getattr(agent, name)) is not None
    }
    kept = {name: getattr(entry, name) for name in Members.__struct_fields__}
    return Members(**{**kept, **own, "attributes": {**entry.attributes, **agent.attributes}})
