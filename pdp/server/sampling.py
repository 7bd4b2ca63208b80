"""Which evaluations a canary is tried on."""

import math
from typing import Any, Final

from pdp.core.contract.authzen import EvaluationRequest

MAX_WEIGHT: Final = 64 * 1024
"""The weight of the heaviest request that is tried, about its bytes in memory: several hundred wait at a time."""

_RANDOM_DIGITS: Final = 8
_VALUE: Final = 64


class Sampler:
    """Picks `percent` of all decisions, by the randomness in their ids (UUIDv7): the same id is always picked alike."""

    def __init__(self, percent: float) -> None:
        self._threshold = math.ceil(percent * 16**_RANDOM_DIGITS / 100)

    def picks(self, decision_id: str) -> bool:
        """Whether the decision of that id is picked."""
        return int(decision_id[-_RANDOM_DIGITS:], 16) < self._threshold


def is_light(request: EvaluationRequest, *, limit: int = MAX_WEIGHT) -> bool:
    """Whether `request` weighs at most `limit`; no more of it than that is looked at."""
    rest: list[Any] = [
        request.subject.id,
        request.resource.id,
        request.action.name,
        request.subject.properties,
        request.resource.properties,
        request.context,
    ]
    weight = 0
    while rest:
        value = rest.pop()
        weight += _VALUE
        if isinstance(value, str):
            weight += len(value)
        elif isinstance(value, dict | list):
            weight += _VALUE * len(value)
            if weight > limit:
                return False
            rest += value.items() if isinstance(value, dict) else value
        elif isinstance(value, tuple):
            rest += value
        if weight > limit:
            return False
    return True
