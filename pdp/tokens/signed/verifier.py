"""Token verification (RFC 7519, RFC 8725, RFC 9068)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.signed.claim_rules import check_audience, invalid, read_expiry, read_subject
from pdp.tokens.signed.compact_token import UnverifiedToken, read_token
from pdp.tokens.signed.confirmation import read_confirmation
from pdp.tokens.signed.jwks import ALGORITHMS, VerificationKey
from pdp.tokens.signed.key_cache import KeyCache

ACCESS_TOKEN_TYPES: Final = frozenset({"at+jwt"})
"""What access tokens call themselves (RFC 9068, section 2.1)."""


class IssuerTrust(StrEnum):
    """Why an issuer is believed."""

    CONFIGURED = "configured"
    UNSAFE_DEV = "unsafe_dev"


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """One issuer: its exact `iss`, the audience its tokens must name, the algorithms and types they may have.

    `max_lifetime` is the most seconds that a token may be made for, None for any number.
    """

    alias: str
    issuer: str
    audience: str
    algorithms: frozenset[str]
    keys: KeyCache
    trust: IssuerTrust = IssuerTrust.CONFIGURED
    token_types: frozenset[str] = ACCESS_TOKEN_TYPES
    max_lifetime: float | None = None


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
            TokenError: `token_missing`, `token_invalid`, `token_expired`, `audience_mismatch`, `proof_invalid`;
                `issuer_unavailable` where nothing is wrong with it but its key cannot be had.

        """
        # (1) the form
        unverified = read_token(token)
        # (2) the issuer, by exact match
        issuer = self._issuers.get(unverified.issuer)
        if issuer is None:
            raise invalid("the issuer is not configured")
        # (3) the type and the algorithm, of those pinned to the issuer
        if unverified.type not in issuer.token_types:
            raise invalid("header `typ` is not one of the issuer's")
        if unverified.algorithm not in issuer.algorithms:
            raise invalid("the algorithm is not one of the issuer's")
        # (4) the claims: a token that would be refused in any case costs no key and no signature
        verified = self._read_claims(unverified.claims, issuer, now)
        # (5) the keys
        candidates = await self._candidates(issuer, unverified, now)
        # (6) the signature: from here on the claims are the issuer's
        self._check_signature(unverified, candidates)
        if issuer.trust is IssuerTrust.UNSAFE_DEV:
            self._log.warning("unsafe_dev_issuer_used", at="verification", issuer=issuer.alias)
        return verified

    def _read_claims(self, claims: Mapping[str, Any], issuer: TrustedIssuer, now: float) -> VerifiedClaims:
        expires_at = read_expiry(claims, now=now, leeway=self._leeway, max_lifetime=issuer.max_lifetime)
        check_audience(claims.get("aud"), expected=issuer.audience)
        return VerifiedClaims(
            issuer.alias,
            issuer.issuer,
            read_subject(claims),
            expires_at,
            claims,
            kind=CredentialKind.SIGNED,
            confirmation=read_confirmation(claims),
        )

    async def _candidates(
        self, issuer: TrustedIssuer, token: UnverifiedToken, now: float
    ) -> tuple[VerificationKey, ...]:
        try:
            candidates = await issuer.keys.matching(key_id=token.key_id, algorithm=token.algorithm, now=now)
        except UnavailableError as error:
            raise TokenError(ReasonCode.ISSUER_UNAVAILABLE, "the issuer's keys cannot be had") from error
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
