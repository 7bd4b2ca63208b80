import pytest

from enforcers.obligations import Obligations
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import ObligationState

FULFILLED, FAILED = ObligationState.FULFILLED, ObligationState.FAILED
UNKNOWN, NOT_REACHED = ObligationState.UNKNOWN, ObligationState.NOT_REACHED


def done() -> None:
    """Nothing to do."""


def broken() -> None:
    raise Refused(ReasonCode.GUARD_FAILED, "it cannot be done")


def test_obligations_that_nobody_came_to_are_not_reached() -> None:
    assert Obligations(["a", "b"]).states == {"a": NOT_REACHED, "b": NOT_REACHED}


def test_where_one_is_unknown_none_is_carried_out() -> None:
    met: list[str] = []
    obligations = Obligations(["a", "b"])
    with pytest.raises(Refused) as refused:
        obligations.fulfil(known={"a": lambda: met.append("a")})
    assert refused.value.code is ReasonCode.OBLIGATION_UNKNOWN
    assert (obligations.states, met) == ({"a": NOT_REACHED, "b": UNKNOWN}, [])


def test_one_that_fails_denies_and_those_after_it_are_not_reached() -> None:
    obligations = Obligations(["a", "b", "c"])
    with pytest.raises(Refused) as refused:
        obligations.fulfil(known={"a": done, "b": broken, "c": done})
    assert refused.value.code is ReasonCode.GUARD_FAILED
    assert obligations.states == {"a": FULFILLED, "b": FAILED, "c": NOT_REACHED}


def test_all_that_are_known_and_work_are_fulfilled() -> None:
    obligations = Obligations(["a", "b"])
    obligations.fulfil(known={"a": done, "b": done})
    assert obligations.states == {"a": FULFILLED, "b": FULFILLED}


def test_nothing_to_do_is_nothing_that_can_deny() -> None:
    Obligations([]).fulfil()
