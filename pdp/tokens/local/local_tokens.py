"""Tokens of our own issuer, once verified: whose they are, and whether that still holds.

A token that was exchanged for an identity provider's assertion speaks for that provider's user, so that
policies see one principal however they came in; one of a local account ends when the account changes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.local.accounts.standing import Standings
from pdp.tokens.verification import Verifier

VERSION_CLAIM: Final = "ver"
PROVIDER_CLAIM: Final = "toolgate_idp"
"""The alias of the identity provider whose assertion was exchanged; believed of our own issuer alone."""


class LocalTokens:
    """Decorates a verifier of signed tokens; those of other issuers than `alias` pass as they are.

    `providers` are the issuers by alias whose assertions are exchanged; `standings` is None without accounts.
    """

    def __init__(
        self, verifier: Verifier, *, alias: str, providers: Mapping[str, str], standings: Standings | None
    ) -> None:
        self._verifier = verifier
        self._alias = alias
        self._providers = dict(providers)
        self._standings = standings

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims of `token` at Unix time `now`.

        Raises:
            TokenError: as the verifier, and `token_invalid` where it has ended before its time.

        """
        verified = await self._verifier.verify(token, now=now)
        if verified.alias != self._alias:
            return verified
        if PROVIDER_CLAIM in verified.claims:
            return self._exchanged(verified)
        if self._standings is None or VERSION_CLAIM not in verified.claims:
            raise TokenError(ReasonCode.TOKEN_INVALID, "tokens of this kind are no longer given or taken")
        version = verified.claims[VERSION_CLAIM]
        await self._standings.check(verified.subject, version=version, now=now)
        return replace(verified, claims=_without(verified.claims, VERSION_CLAIM))

    def _exchanged(self, verified: VerifiedClaims) -> VerifiedClaims:
        alias = verified.claims[PROVIDER_CLAIM]
        issuer = self._providers.get(alias) if isinstance(alias, str) else None
        if issuer is None:
            raise TokenError(ReasonCode.TOKEN_INVALID, "assertions of that identity provider are no longer taken")
        claims = {**_without(verified.claims, PROVIDER_CLAIM), "iss": issuer}
        return replace(verified, alias=alias, issuer=issuer, claims=claims)


def _without(claims: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {known: value for known, value in claims.items() if known != name}
