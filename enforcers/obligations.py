"""Step 5 of the chain: obligations are binding, so one that is not understood or cannot be fulfilled denies."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import ObligationState

Fulfil: TypeAlias = Callable[[], None]
"""Carries out one obligation; raises Refused where that cannot be done."""

_NONE: Final[Mapping[str, Fulfil]] = MappingProxyType({})


class Obligations:
    """The obligations of one request, and what became of each."""

    def __init__(self, obligations: Sequence[str]) -> None:
        self.states: dict[str, ObligationState] = dict.fromkeys(obligations, ObligationState.NOT_REACHED)

    def fulfil(self, *, known: Mapping[str, Fulfil] = _NONE) -> None:
        """Carry out all of them by `known`, in their order, or none where one is not known.

        Raises:
            Refused: `obligation_unknown`, or as the one that cannot be fulfilled says.

        """
        unknown = [obligation for obligation in self.states if obligation not in known]
        if unknown:
            self.states |= dict.fromkeys(unknown, ObligationState.UNKNOWN)
            text = f"{len(unknown)} obligations that this enforcer does not know"
            raise Refused(ReasonCode.OBLIGATION_UNKNOWN, text)
        for obligation in self.states:
            self.states[obligation] = ObligationState.FAILED
            known[obligation]()
            self.states[obligation] = ObligationState.FULFILLED
