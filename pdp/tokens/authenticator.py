"""Authentication: from a presented credential to the claims behind it, whatever its scheme.

(1) the scheme and the credential's form say which verifier it goes to; (2) the verifier says what it claims,
which may be held for a while; (3) whoever presents it shows what it is bound to, which never is.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.presented import Presented, Scheme
from pdp.tokens.proof.possession import Possession
from pdp.tokens.verification import Verifier

_JOSE: Final = re.compile(r"eyJ.*|[A-Za-z0-9_=-]*(?:\.[A-Za-z0-9_=-]*){2}(?:(?:\.[A-Za-z0-9_=-]*){2})?", re.DOTALL)
"""Three segments (JWS) or five (JWE), well made or not, and whatever begins as their headers do."""
_OPAQUE: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The form of any bearer token (RFC 6750, section 2.1)."""
_MAX_OPAQUE: Final = 4096
_NONE: Final[Mapping[str, Verifier]] = MappingProxyType({})


class Authenticator:
    """Takes a credential to whatever can verify its kind, and checks that it is its holder who presents it.

    `signed` verifies JWTs, `opaque` other tokens, `prefixed` those that begin with one of its keys, of which
    none begins with another; `passwords` verifies the value of scheme Basic. What is None accepts nothing.
    """

    def __init__(
        self,
        signed: Verifier,
        *,
        possession: Possession,
        opaque: Verifier | None = None,
        prefixed: Mapping[str, Verifier] = _NONE,
        passwords: Verifier | None = None,
    ) -> None:
        self._signed = signed
        self._possession = possession
        self._opaque = opaque
        self._prefixed = dict(prefixed)
        self._passwords = passwords

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        """The claims behind `presented` at Unix time `now`.

        Raises:
            TokenError: it is not to be believed.

        """
        # (1) which verifier
        verifier = self._verifier(presented)
        # (2) the claims
        claims = await verifier.verify(presented.value, now=now)
        # (3) the holder
        self._possession.check(presented, claims, now=now)
        return claims

    def _verifier(self, presented: Presented) -> Verifier:
        match presented.scheme:
            case Scheme.BASIC:
                return _accepting(self._passwords, "passwords are not accepted here")
            case Scheme.BEARER | Scheme.DPOP:
                return self._token_verifier(presented.value)

    def _token_verifier(self, token: str) -> Verifier:
        """INVARIANT: what has the form of a JWT goes to no opaque verifier, so that no issuer is shown another's."""
        for prefix, verifier in self._prefixed.items():
            if token.startswith(prefix):
                return verifier
        if not token or _JOSE.fullmatch(token):
            return self._signed
        if len(token) > _MAX_OPAQUE or not _OPAQUE.fullmatch(token):
            raise TokenError(ReasonCode.TOKEN_INVALID, "neither a signed token nor the form of an opaque one")
        return _accepting(self._opaque, "opaque tokens are not accepted here")


def _accepting(verifier: Verifier | None, otherwise: str) -> Verifier:
    if verifier is None:
        raise TokenError(ReasonCode.TOKEN_INVALID, otherwise)
    return verifier
