"""The refusal of a proof."""

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode


def unproven(detail: str, *, nonce: str | None = None) -> TokenError:
    """A `proof_invalid`; `detail` names what is wrong, never a value, and `nonce` is the one to use next."""
    return TokenError(ReasonCode.PROOF_INVALID, detail, nonce=nonce)
