"""Step 5 of the chain: obligations are binding, so one that is not understood denies."""

from collections.abc import Sequence

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode


def check_obligations(obligations: Sequence[str]) -> None:
    """Pass when there is nothing to carry out.

    Raises:
        Refused: `obligation_unknown`; this enforcer knows none yet.

    """
    if obligations:
        raise Refused(ReasonCode.OBLIGATION_UNKNOWN, f"{len(obligations)} obligations that this enforcer does not know")
