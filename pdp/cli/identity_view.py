"""How the mapping of claims looks on a terminal, and as JSON."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

import msgspec

from pdp.cli.terminal import legible
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import Mapped
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.principal import Principal


class Trust(StrEnum):
    """Whether the claims were believed."""

    VERIFIED = "verified"
    NOT_VERIFIED = "not verified"


_SAID: Final = {
    Trust.VERIFIED: "verified: this is whom the gateway takes its holder for",
    Trust.NOT_VERIFIED: "not verified: nobody looked at signature, audience and lifetime (`--verify` does)",
}


def as_json(mapped: Mapped, *, claims: VerifiedClaims, mapping: IdentityMapping, trust: Trust) -> dict[str, Any]:
    """The mapping as JSON; an origin without a claim is a default."""
    principal = mapped.principal
    return {
        "verified": trust is Trust.VERIFIED,
        "issuer": claims.alias,
        "principal": None if principal is None else _plain(principal),
        "problems": list(mapped.problems),
        "message": mapped.told or None,
        "origins": [{"member": one.member, "claim": one.claim or None} for one in mapped.origins],
        "scopes": {"granted": list(mapped.scopes), "implied": _implied(mapped)},
        "mapping": mapping.digest,
    }


def lines(mapped: Mapped, *, claims: VerifiedClaims, mapping: IdentityMapping, trust: Trust) -> Iterator[str]:
    """The mapping for people; nothing in it can act on the terminal."""
    yield _SAID[trust]
    if mapped.principal is None:
        yield f"no principal: under the mapping's entry for `{claims.alias}`"
        yield from (f"  {legible(problem)}" for problem in mapped.problems)
        yield f"the caller reads: {legible(mapped.told)}"
        return
    yield f"{mapped.principal.type} {legible(mapped.principal.id)}"
    rows = [(member, legible(value)) for member, value in _rows(mapped.principal, mapped)]
    width = max(len(member) for member, _ in rows)
    origins = _origins(mapped)
    for member, value in rows:
        yield f"  {member:<{width}}  {value}{_from(origins, member)}"
    yield f"mapping {mapping.digest}"


def _plain(principal: Principal) -> dict[str, Any]:
    return {**msgspec.to_builtins(principal), "delegation": msgspec.to_builtins(principal.delegation)}


def _rows(principal: Principal, mapped: Mapped) -> Iterator[tuple[str, str]]:
    properties = principal.properties
    yield "id", principal.id
    yield "groups", _listed(properties.groups)
    yield "roles", _listed(properties.roles)
    yield "tenant", properties.tenant or "none"
    for name, value in sorted(properties.attributes.items()):
        text = _listed(value) if isinstance(value, tuple) else msgspec.json.encode(value).decode()
        yield f"attributes.{name}", text
    yield "scopes", _listed(mapped.scopes)
    if implied := _implied(mapped):
        yield "implied", _listed(implied)
    yield "actor", principal.actor or "none"
    if principal.delegation is not None:
        chain = principal.delegation
        yield "delegation", f"{chain.depth}: first {chain.first}, last {chain.last}, all {_listed(chain.members)}"


def _implied(mapped: Mapped) -> list[str]:
    held = () if mapped.principal is None else mapped.principal.scopes
    return sorted(set(held) - set(mapped.scopes))


def _origins(mapped: Mapped) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for origin in mapped.origins:
        found.setdefault(origin.member, []).append(f"`{origin.claim}`" if origin.claim else "the default")
    return found


def _from(origins: dict[str, list[str]], member: str) -> str:
    return f"  (from {' and '.join(origins[member])})" if member in origins else ""


def _listed(names: Any) -> str:
    return ", ".join(str(name) for name in names) or "none"
