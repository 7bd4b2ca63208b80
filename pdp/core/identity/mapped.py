"""Claims to principal, by the claims mapping; and how each part of it came about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.core.identity.attribute import AttributeValue
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.condition import holds
from pdp.core.identity.delegation import actors
from pdp.core.identity.mapping import IdentityMapping, IssuerEntry, Members
from pdp.core.identity.path import ClaimError
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties
from pdp.core.identity.scopes import granted
from pdp.core.identity.source import Origin, Reading

P = ParamSpec("P")
T = TypeVar("T")

_NONE: Final[tuple[str, ...]] = ()
_NOT_SO: Final = False


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a mapping makes of claims: a principal, or None and all that is wrong.

    `told` is what the caller reads of it. `scopes` are those of the token, without what they imply.
    """

    principal: Principal | None
    problems: tuple[str, ...]
    told: str
    origins: tuple[Origin, ...]
    scopes: tuple[str, ...]


def principal_of(verified: VerifiedClaims, *, mapping: IdentityMapping) -> Principal:
    """The principal that `verified` speaks for under `mapping`.

    Raises:
        TokenError: `identity_unmapped`, when a claim is missing, given by reference or not of its type, or the
            mapping refuses such tokens; a claim that cannot be read is never taken for an empty one.

    """
    mapped = mapped_by(mapping, verified)
    if mapped.principal is None:
        raise TokenError(ReasonCode.IDENTITY_UNMAPPED, "; ".join(mapped.problems), caller_text=mapped.told)
    return mapped.principal


def mapped_by(mapping: IdentityMapping, verified: VerifiedClaims) -> Mapped:
    """What `mapping` makes of `verified`, with where each part comes from and every problem."""
    entry = mapping.entry(verified.alias)
    if entry is None:
        problem = f"the mapping has no entry for the issuer `{verified.alias}`, and no `default`"
        return Mapped(None, (problem,), CALLER_TEXT[ReasonCode.IDENTITY_UNMAPPED], (), ())
    return _Run(mapping, entry, verified).mapped()


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a mapping over claims; a part that fails leaves the others to be looked at."""

    mapping: IdentityMapping
    entry: IssuerEntry
    verified: VerifiedClaims
    problems: list[str] = field(default_factory=list)

    def mapped(self) -> Mapped:
        """INVARIANT: with any problem there is no principal."""
        claims = {**self.verified.claims, "sub": self.verified.subject, "iss": self.verified.issuer}
        refused = self._refusal(claims)
        reading = Reading(claims)
        kind = self._kind(claims)
        members = self.entry.of_agents if kind is PrincipalType.AGENT else self.entry
        scopes = self._try(_NONE, reading.scopes, members.scopes or ())
        name = self._single(reading, members, "id")
        chain, actor = self._actor(reading, members, kind, claims)
        properties = self._properties(reading, members)
        origins, problems = tuple(reading.origins), tuple(self.problems)
        if problems or name is None:
            told = refused or CALLER_TEXT[ReasonCode.IDENTITY_UNMAPPED]
            return Mapped(None, problems or ("there is no id",), told, origins, scopes)
        held = granted(scopes, self.mapping.implies)
        return Mapped(Principal(kind, name, properties, held, actor, chain), (), "", origins, scopes)

    def _refusal(self, claims: Mapping[str, Any]) -> str:
        """The message of the first refusal that applies, "" where none does."""
        for refusal in self.entry.refuse:
            if self._try(_NOT_SO, holds, refusal.when, claims):
                self.problems.append(f"the mapping refuses such tokens: {refusal.message}")
                return refusal.message
        return ""

    def _kind(self, claims: Mapping[str, Any]) -> PrincipalType:
        agent = self.entry.agent
        if agent is None:
            return PrincipalType.USER
        return PrincipalType.AGENT if self._try(_NOT_SO, holds, agent.when, claims) else PrincipalType.USER

    def _actor(
        self, reading: Reading, members: Members, kind: PrincipalType, claims: Mapping[str, Any]
    ) -> tuple[tuple[str, ...], str | None]:
        """The chain of actors, and the nearest; an agent without a chain acts for itself."""
        source, alias, issuer = self.entry.delegation, self.verified.alias, self.verified.issuer
        chain: tuple[str, ...] = ()
        if source is not None:
            chain = self._try(_NONE, actors, source, claims, alias=alias, issuer=issuer)
        if source is not None and chain:
            reading.origins.append(Origin("delegation", source.claim))
            return chain, chain[0]
        return (), None if kind is PrincipalType.AGENT else self._single(reading, members, "actor")

    def _properties(self, reading: Reading, members: Members) -> SubjectProperties:
        attributes: dict[str, AttributeValue] = {}
        for name, kind in self.mapping.attributes.items():
            source = members.attributes.get(name)
            if source is not None:
                value = self._try(None, reading.attribute, name, source, kind)
                if value is not None:
                    attributes[name] = value
        return SubjectProperties(
            groups=self._several(reading, members, "groups"),
            roles=self._several(reading, members, "roles"),
            tenant=self._single(reading, members, "tenant"),
            attributes=attributes,
            mapping=self.mapping.digest,
        )

    def _single(self, reading: Reading, members: Members, member: str) -> str | None:
        source = getattr(members, member)
        name = None if source is None else self._try(None, reading.name, member, source)
        return None if name is None else f"{self.verified.alias}|{name}"

    def _several(self, reading: Reading, members: Members, member: str) -> tuple[str, ...]:
        sources = getattr(members, member)
        names = self._try(_NONE, reading.names, member, sources or ())
        return tuple(f"{self.verified.alias}|{name}" for name in names)

    def _try(self, otherwise: T, read: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What `read` says; where it cannot, that is a problem, and `otherwise` stands in until all are found."""
        try:
            return read(*args, **named)
        except ClaimError as error:
            self.problems.append(str(error))
            return otherwise
