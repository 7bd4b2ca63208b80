"""What an assertion must say for a client to get a token for it.

draft-ietf-oauth-identity-assertion-authz-grant, section 4.4.1; RFC 7523, section 3; RFC 8707, section 2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.identity.claims import UNBOUND, VerifiedClaims
from pdp.tokens.local.id_jag.refusal import GrantError, GrantErrorCode, bad_grant

MAX_ID: Final = 256

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
_OWN: Final = frozenset(
    {"iss", "aud", "exp", "nbf", "iat", "jti", "resource", "scope", "scp", "cnf", "client_id", "azp", "ver"}
)
"""Claims about the assertion, not about whom it is for: a token gets its own."""
_UNSUPPORTED: Final = ("authorization_details", "aud_tenant", "aud_sub")
"""Claims that narrow or redirect what is granted in ways we do not carry out; passing over them would widen it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for beside its assertion; None is everything that the assertion gives."""

    client_id: str
    scope: str | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What the token is for: `claims` are those about the holder and what may be done."""

    claims: Mapping[str, Any]
    scope: str | None
    token_id: str


def granted(assertion: VerifiedClaims, *, asked: Asked, resource: str) -> Granted:
    """What `assertion`, which was verified, gives the client that asks, at our own `resource`.

    Raises:
        GrantError: `invalid_grant`, `invalid_scope` or `invalid_target`.

    """
    claims = assertion.claims
    # (1) the client, who is the one that the assertion was made for
    if claims.get("client_id") != asked.client_id:
        raise bad_grant("claim `client_id` is not the client that asks")
    # (2) what it is bound to: nobody can show a key or a certificate here
    if assertion.confirmation != UNBOUND or "cnf" in claims:
        raise bad_grant("the assertion is bound to its holder, which cannot be shown here")
    # (3) what it must have besides
    token_id = claims.get("jti")
    if not isinstance(token_id, str) or not 0 < len(token_id) <= MAX_ID:
        raise bad_grant("no usable claim `jti`")
    if "iat" not in claims:
        raise bad_grant("no claim `iat`")
    for name in _UNSUPPORTED:
        if name in claims:
            raise bad_grant(f"claim `{name}` is not supported")
    if isinstance(claims.get("aud"), list) and len(claims["aud"]) != 1:
        raise bad_grant("claim `aud` names others too")
    # (4) the resource
    if claims.get("resource") != resource and claims.get("resource") != [resource]:
        raise bad_grant("claim `resource` is not this resource alone")
    if asked.resource is not None and asked.resource != resource:
        raise GrantError(GrantErrorCode.INVALID_TARGET, "the resource asked for is another")
    # (5) the scopes
    scope = _scope(claims, asked.scope)
    about = {name: value for name, value in claims.items() if name not in _OWN}
    given = {} if scope is None else {"scope": scope}
    return Granted({**about, **given, "client_id": asked.client_id}, scope, token_id)


def _scope(claims: Mapping[str, Any], asked: str | None) -> str | None:
    """The scopes to grant: those asked for, each of which the assertion must have, else all of the assertion's."""
    written = claims.get("scope", "")
    if not isinstance(written, str) or (written and not _SCOPE.fullmatch(written)) or "scp" in claims:
        raise bad_grant("claim `scope` is no list of scopes")
    if asked is None:
        return written or None
    if not _SCOPE.fullmatch(asked) or not set(asked.split(" ")) <= set(written.split(" ")):
        raise GrantError(GrantErrorCode.INVALID_SCOPE, "a scope asked for is not in the assertion")
    return " ".join(sorted(set(asked.split(" "))))
