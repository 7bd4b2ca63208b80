"""An issuer's answer about a token (RFC 7662 section 2.2), held to the rules that signed claims are held to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.contract.errors import MessageError, TokenError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.core.settings.introspection import WithoutAudience, WithoutSubject
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.signed.claim_rules import check_audience, invalid, read_expiry, read_subject
from pdp.tokens.signed.confirmation import read_confirmation

MAX_ANSWER_BYTES: Final = 64 * 1024

_LIMITS: Final = JsonLimits(max_bytes=MAX_ANSWER_BYTES, max_depth=32)
_ABSENT: Final = object()
_TOKEN_TYPES: Final = frozenset({"bearer", "dpop"})
_DPOP: Final = "dpop"


@dataclass(frozen=True, slots=True)
class IntrospectedIssuer:
    """Whom an answer must come from and whom it must name; times are in seconds."""

    alias: str
    issuer: str
    audience: str
    leeway: float
    max_age: float
    without_audience: WithoutAudience = WithoutAudience.REFUSED
    without_subject: WithoutSubject = WithoutSubject.REFUSED
    max_lifetime: float | None = None


def read_answer(raw: bytes) -> Mapping[str, Any]:
    """The members of the answer `raw`.

    Raises:
        UnavailableError: it does not say in so many words whether the token is active, so it says nothing.

    """
    try:
        answer = parse(raw, limits=_LIMITS)
    except MessageError as error:
        raise UnavailableError("the answer about a token is not exact JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
        raise UnavailableError("the answer about a token does not say whether it is active")
    return answer


def judge(answer: Mapping[str, Any], *, by: IntrospectedIssuer, now: float) -> VerifiedClaims:
    """The claims in `answer` when the token is active, current and meant for us; `now` is Unix seconds.

    What does not say when it expires is good as long as the answer may be held, unless lifetimes are bounded.

    Raises:
        TokenError: `token_invalid`, `token_expired`, `audience_mismatch` or `proof_invalid`.

    """
    # (1) active
    if answer["active"] is not True:
        raise invalid("the issuer says that the token is not active")
    # (2) an access token, by this issuer
    _check_type(answer)
    if answer.get("iss", by.issuer) != by.issuer:
        raise invalid("the answer is about a token of another issuer")
    # (3) the times
    expires_at = _expiry(answer, by, now)
    # (4) the audience
    _check_audience(answer, by)
    # (5) whose it is
    subject, claims = _subject(answer, by)
    if not isinstance(answer.get("scope", ""), str):
        raise invalid("`scope` is not a string")
    # (6) what its holder must show
    confirmation = read_confirmation(answer)
    if confirmation.key is None and _lower(answer.get("token_type")) == _DPOP:
        raise TokenError(ReasonCode.PROOF_INVALID, "the token is for proofs, and the answer names no key")
    kind = CredentialKind.INTROSPECTED
    return VerifiedClaims(by.alias, by.issuer, subject, expires_at, claims, kind, confirmation)


def _check_type(answer: Mapping[str, Any]) -> None:
    kind = answer.get("token_type", _ABSENT)
    # INVARIANT: a refresh token, which is active too, is no access token (RFC 7662 section 4).
    if kind is not _ABSENT and _lower(kind) not in _TOKEN_TYPES:
        raise invalid("`token_type` is not that of an access token")


def _expiry(answer: Mapping[str, Any], by: IntrospectedIssuer, now: float) -> float:
    # RFC 7662 section 2.2 lets `exp` out; the issuer is asked again then, when the answer is too old.
    is_open = "exp" not in answer and by.max_lifetime is None
    claims = {**answer, "exp": now + by.max_age} if is_open else answer
    return read_expiry(claims, now=now, leeway=by.leeway, max_lifetime=by.max_lifetime)


def _check_audience(answer: Mapping[str, Any], by: IntrospectedIssuer) -> None:
    if "aud" in answer or by.without_audience is WithoutAudience.REFUSED or "token_type" not in answer:
        check_audience(answer.get("aud"), expected=by.audience)


def _subject(answer: Mapping[str, Any], by: IntrospectedIssuer) -> tuple[str, Mapping[str, Any]]:
    client = answer.get("client_id", _ABSENT)
    if client is not _ABSENT and not (isinstance(client, str) and client):
        raise invalid("`client_id` is not a string")
    if "sub" not in answer and by.without_subject is WithoutSubject.CLIENT and client is not _ABSENT:
        return str(client), {**answer, "sub": client}
    return read_subject(answer), answer


def _lower(kind: Any) -> str | None:
    return kind.lower() if isinstance(kind, str) else None
