"""What a token says its holder must show (RFC 7800); what is not understood cannot be checked, so it is refused."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import UNBOUND, Confirmation

_KEY: Final = "jkt"
_CERTIFICATE: Final = "x5t#S256"
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""32 bytes in canonical base64url."""


def read_confirmation(claims: Mapping[str, Any]) -> Confirmation:
    """What the claim `cnf` of a token, or of an answer about one, asks for.

    Raises:
        TokenError: `proof_invalid` for a member other than `jkt` and `x5t#S256`, for none, and for what is
            no SHA-256 thumbprint.

    """
    if "cnf" not in claims:
        return UNBOUND
    members = claims["cnf"]
    if not isinstance(members, dict) or not members or not members.keys() <= {_KEY, _CERTIFICATE}:
        raise TokenError(ReasonCode.PROOF_INVALID, "claim `cnf` asks for what cannot be checked here")
    if not all(isinstance(text, str) and _THUMBPRINT.fullmatch(text) for text in members.values()):
        raise TokenError(ReasonCode.PROOF_INVALID, "claim `cnf` has a member that is no SHA-256 thumbprint")
    return Confirmation(members.get(_KEY), members.get(_CERTIFICATE))
