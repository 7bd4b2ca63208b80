"""The port to what verifies one kind of token."""

from typing import Protocol

from pdp.core.identity.claims import VerifiedClaims


class Verifier(Protocol):
    """Verifies tokens."""

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims of `token` at Unix time `now`.

        Raises:
            TokenError: the token is not to be believed.

        """
        ...
