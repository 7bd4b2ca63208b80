"""What is known of a decision from what is known of each policy."""

from collections.abc import Mapping
from enum import StrEnum

from pdp.core.engine.expression.situation import Truth, Truths
from pdp.core.engine.policy import PolicyEffect
from pdp.core.engine.residual.examined import Examined


class Standing(StrEnum):
    """What is known of the decision on a call."""

    ALLOWED = "allowed"
    OPEN = "open"
    DENIED = "denied"


def standing(found: Mapping[Examined, Truths]) -> Standing:
    """What the truths of all policies that fit make of a call."""
    sure, possible, contested = False, False, False
    for one, truths in found.items():
        if one.effect is PolicyEffect.PERMIT:
            possible = possible or Truth.TRUE in truths
            sure = sure or (Truth.TRUE in truths and len(truths) == 1)
        elif Truth.FALSE not in truths:
            return Standing.DENIED
        else:
            contested = contested or len(truths) > 1
    if not possible:
        return Standing.DENIED
    return Standing.ALLOWED if sure and not contested else Standing.OPEN
