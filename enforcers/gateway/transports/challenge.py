"""Challenges: which credential is wanted, and what is wrong with the one that came.

RFC 9110, section 11.6.1; RFC 6750, section 3 (Bearer); RFC 9449, sections 7.1 and 9 (DPoP); RFC 7617 (Basic).
"""

from collections.abc import Mapping
from typing import Final

from enforcers.gateway.answer import CREDENTIAL_CODES, Answer
from enforcers.gateway.transports.protected_resource import ProtectedResource, written
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.tokens.presented import Scheme

_NAMES: Final = {Scheme.BEARER: "Bearer", Scheme.DPOP: "DPoP", Scheme.BASIC: "Basic"}
_VISIBLE: Final = range(0x20, 0x7F)


def challenges(answer: Answer, *, sent: Scheme | None, resource: ProtectedResource) -> list[str]:
    """A challenge for each scheme that is accepted; for a missing scope one, for other denials none.

    `sent` is the scheme of the credential that came, where that could be seen: its challenge has the error.
    """
    if answer.denied is ReasonCode.SCOPE_MISSING:
        scheme = Scheme.DPOP if sent is Scheme.DPOP else Scheme.BEARER
        return [_challenge(scheme, resource=resource, error=_error(answer, sent), scopes=written(answer.scopes))]
    if answer.denied not in CREDENTIAL_CODES:
        return []
    error, scopes = _error(answer, sent), resource.basic_scopes()
    blamed = sent if sent in resource.schemes else Scheme.BEARER
    return [
        _challenge(scheme, resource=resource, error=error if scheme is blamed else {}, scopes=scopes)
        for scheme in resource.schemes
    ]


def _error(answer: Answer, sent: Scheme | None) -> Mapping[str, str]:
    """The members that name the error; none where no credential was sent (RFC 6750, section 3.1)."""
    match answer.denied:
        case None | ReasonCode.TOKEN_MISSING:
            return {}
        case ReasonCode.SCOPE_MISSING:
            name = "insufficient_scope"
        case ReasonCode.PROOF_INVALID if sent is Scheme.DPOP:
            name = "invalid_dpop_proof" if answer.nonce is None else "use_dpop_nonce"
        case _:
            name = "invalid_token"
    return {"error": name, "error_description": CALLER_TEXT[answer.denied]}


def _challenge(scheme: Scheme, *, resource: ProtectedResource, error: Mapping[str, str], scopes: list[str]) -> str:
    if scheme is Scheme.BASIC:
        return 'Basic realm="toolgate", charset="UTF-8"'
    members = dict(error)
    if scopes:
        members["scope"] = " ".join(scopes)
    members["resource_metadata"] = resource.metadata_url
    if scheme is Scheme.DPOP:
        members["algs"] = " ".join(resource.holders.algorithms)
    return f"{_NAMES[scheme]} {', '.join(f'{name}={_quoted(value)}' for name, value in members.items())}"


def _quoted(value: str) -> str:
    """`value` as a quoted string (RFC 9110, section 5.6.4); what a header may not carry is left out."""
    visible = "".join(character for character in value if ord(character) in _VISIBLE)
    escaped = visible.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
