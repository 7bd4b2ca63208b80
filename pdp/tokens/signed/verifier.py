"""Token verification (RFC 7519, RFC 8725, RFC 9068)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.signed.compact_token import UnverifiedToken, invalid, read_token
from pdp.tokens.signed.jwks import ALGORITHMS, KeysUnavailableError, VerificationKey
from pdp.tokens.signed.key_cache import KeyCache

_ABSENT: Final = object()


class IssuerTrust(StrEnum):
    """Why an issuer is believed."""

    CONFIGURED = "configured"
    UNSAFE_DEV = "unsafe_dev"


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """One issuer: its exact `iss`, the audience its tokens must name, the algorithms it may sign with."""

    alias: str
    issuer: str
    audience: str
    algorithms: frozenset[str]
    keys: KeyCache
    trust: IssuerTrust = IssuerTrust.CONFIGURED


class TokenVerifier:
    """Verifies bearer tokens of the given issuers; `leeway` is seconds of clock skew allowed."""

    def __init__(self, issuers: Iterable[TrustedIssuer], *, leeway: float, log: FilteringBoundLogger) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._leeway = leeway
        self._log = log
        self._signatures = jwt.PyJWS(algorithms=sorted(ALGORITHMS))

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims of `token` when it is genuine, current and meant for us; `now` is Unix seconds.

        Raises:
            TokenError: `token_missing`, `token_invalid`, `token_expired` or `audience_mismatch`.

        """
        # (1) the form
        unverified = read_token(token)
        # (2) the issuer, by exact match
        issuer = self._issuers.get(unverified.issuer)
        if issuer is None:
            raise invalid("the issuer is not configured")
        # (3) the algorithm, one of those pinned to the issuer
        if unverified.algorithm not in issuer.algorithms:
            raise invalid("the algorithm is not one of the issuer's")
        # (4) the keys
        candidates = await self._candidates(issuer, unverified, now)
        # (5) the signature: from here on the claims are the issuer's
        self._check_signature(unverified, candidates)
        # (6) the times
        expires_at = self._check_times(unverified, now)
        # (7) the audience
        _check_audience(unverified.claims.get("aud"), issuer.audience)
        # (8) the subject
        subject = unverified.claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise invalid("no claim `sub`")
        if issuer.trust is IssuerTrust.UNSAFE_DEV:
            self._log.warning("unsafe_dev_issuer_used", at="verification", issuer=issuer.alias)
        return VerifiedClaims(issuer.alias, issuer.issuer, subject, expires_at, unverified.claims)

    async def _candidates(
        self, issuer: TrustedIssuer, token: UnverifiedToken, now: float
    ) -> tuple[VerificationKey, ...]:
        try:
            candidates = await issuer.keys.matching(key_id=token.key_id, algorithm=token.algorithm, now=now)
        except KeysUnavailableError as error:
            raise invalid("the issuer's keys cannot be had") from error
        if not candidates:
            raise invalid("the issuer has no such key")
        return candidates

    def _check_signature(self, token: UnverifiedToken, candidates: tuple[VerificationKey, ...]) -> None:
        for candidate in candidates:
            try:
                self._signatures.decode_complete(token.text, candidate.key, algorithms=[token.algorithm])
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
            return
        raise invalid("the signature does not match")

    def _check_times(self, token: UnverifiedToken, now: float) -> float:
        expires_at = _instant(token, "exp")
        if expires_at is None:
            raise invalid("no claim `exp`")
        if expires_at <= now - self._leeway:
            raise TokenError(ReasonCode.TOKEN_EXPIRED, "claim `exp` has passed")
        for name in ("nbf", "iat"):
            instant = _instant(token, name)
            if instant is not None and instant > now + self._leeway:
                raise invalid(f"claim `{name}` is in the future")
        return expires_at


def _instant(token: UnverifiedToken, name: str) -> float | None:
    value = token.claims.get(name, _ABSENT)
    if value is _ABSENT:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"claim `{name}` is not a number")
    return float(value)


def _check_audience(audience: Any, expected: str) -> None:
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(item, str) for item in named):
        raise TokenError(ReasonCode.AUDIENCE_MISMATCH, "claim `aud` is neither a string nor a list of strings")
    if expected not in named:
        raise TokenError(ReasonCode.AUDIENCE_MISMATCH, "claim `aud` does not name this resource")
