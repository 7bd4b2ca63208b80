"""Authentication: from a presented credential to the claims behind it, whatever its scheme."""

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.presented import Presented, Scheme
from pdp.tokens.verification import Verifier


class Authenticator:
    """Takes a credential to whatever can verify its kind."""

    def __init__(self, tokens: Verifier) -> None:
        self._tokens = tokens

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        """The claims behind `presented` at Unix time `now`.

        Raises:
            TokenError: it is not to be believed.

        """
        if presented.scheme is not Scheme.BEARER:
            raise TokenError(ReasonCode.TOKEN_INVALID, f"the scheme `{presented.scheme}` is not accepted here")
        return await self._tokens.verify(presented.value, now=now)
