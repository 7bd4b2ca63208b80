"""Claims to principal: the default mapping."""

from collections.abc import Mapping
from typing import Any

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.principal import Delegation, Principal, PrincipalType, SubjectProperties

_MAX_DELEGATION = 16


def principal_of(verified: VerifiedClaims) -> Principal:
    """The principal that `verified` speaks for.

    A token whose subject is its own client is an agent's. `groups`, `roles` and `tenant` map to
    ancestors, `scope` (RFC 8693) or `scp` to scopes, `act` to the delegation chain.

    Raises:
        TokenError: `token_invalid` when a claim does not have the type it must have; a claim that
            cannot be read is never taken for an empty one.

    """
    alias, claims = verified.alias, verified.claims
    client = _optional_text(claims, "client_id") or _optional_text(claims, "azp")
    chain = _actors(alias, claims.get("act"))
    is_agent = client is not None and client == verified.subject
    tenant = _optional_text(claims, "tenant")
    actor = chain[0] if chain else None
    if actor is None and client is not None and not is_agent:
        actor = f"{alias}|{client}"
    return Principal(
        type=PrincipalType.AGENT if is_agent else PrincipalType.USER,
        id=f"{alias}|{verified.subject}",
        properties=SubjectProperties(
            groups=tuple(f"{alias}|{name}" for name in _texts(claims, "groups")),
            roles=tuple(f"{alias}|{name}" for name in _texts(claims, "roles")),
            tenant=None if tenant is None else f"{alias}|{tenant}",
            email=_optional_text(claims, "email"),
        ),
        scopes=_scopes(claims),
        actor=actor,
        delegation=Delegation.of(chain) if chain else None,
    )


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    if "scope" in claims:
        return tuple(sorted(set((_optional_text(claims, "scope") or "").split())))
    if isinstance(claims.get("scp"), str):
        return tuple(sorted(set(claims["scp"].split())))
    return _texts(claims, "scp")


def _actors(alias: str, act: object) -> tuple[str, ...]:
    chain: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or not isinstance(act.get("sub"), str) or not act["sub"]:
            raise _invalid("act")
        chain.append(f"{alias}|{act['sub']}")
        if len(chain) > _MAX_DELEGATION:
            raise TokenError(ReasonCode.TOKEN_INVALID, f"more than {_MAX_DELEGATION} actors in claim `act`")
        act = act.get("act")
    return tuple(chain)


def _optional_text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise _invalid(name)
    return value


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise _invalid(name)
    return tuple(sorted(set(value)))


def _invalid(claim: str) -> TokenError:
    return TokenError(ReasonCode.TOKEN_INVALID, f"claim `{claim}` does not have the type it must have")
