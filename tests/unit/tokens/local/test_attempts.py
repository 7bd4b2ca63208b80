import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.local.attempts import Attempts, Patience

PATIENCE = Patience(free=3, first=2.0, longest=10.0, forgotten=100.0)


def tries(attempts: Attempts, *times: float, name: str = "a") -> list[bool]:
    """Whether each attempt was let through."""
    through = []
    for now in times:
        try:
            attempts.begin(name, now=now)
        except TokenError as error:
            through.append(error.code is not ReasonCode.LIMIT_EXCEEDED)
        else:
            through.append(True)
    return through


def test_the_lock_grows_with_each_failure_up_to_the_longest() -> None:
    attempts = Attempts(PATIENCE)
    assert tries(attempts, 0, 0, 0) == [True, True, True]
    assert tries(attempts, 1.9, 2) == [False, True]
    assert tries(attempts, 5.9, 6) == [False, True]
    assert tries(attempts, 13.9, 14) == [False, True]
    assert tries(attempts, 23.9, 24) == [False, True]


def test_trying_while_locked_does_not_lengthen_the_lock() -> None:
    attempts = Attempts(PATIENCE)
    assert tries(attempts, 0, 0, 0, *[1.0] * 50, 2.0) == [True] * 3 + [False] * 50 + [True]


def test_a_success_or_a_long_time_makes_it_forget() -> None:
    attempts = Attempts(PATIENCE)
    assert tries(attempts, 0, 0, 0, 1) == [True, True, True, False]
    attempts.succeeded("a")
    assert tries(attempts, 1, 1, 1, 1) == [True, True, True, False]
    assert tries(attempts, 101, 101, 101, 101) == [True, True, True, False]


def test_names_are_counted_apart() -> None:
    attempts = Attempts(PATIENCE)
    assert tries(attempts, 0, 0, 0, 0) == [True, True, True, False]
    assert tries(attempts, 0, name="b") == [True]


def test_a_flood_of_names_takes_no_more_memory() -> None:
    attempts = Attempts(PATIENCE, entries=100)
    for number in range(1000):
        attempts.begin(str(number), now=0)
    assert len(attempts._records) == 100


def test_a_clock_set_back_locks_nobody_for_ever() -> None:
    attempts = Attempts(PATIENCE)
    assert tries(attempts, 1000, 1000, 1000, 1000) == [True, True, True, False]
    assert tries(attempts, 10) == [True]


@pytest.mark.parametrize("now", [0.0, 1e9])
def test_many_at_once_are_no_way_around(now: float) -> None:
    assert sum(tries(Attempts(PATIENCE), *[now] * 100)) == 3
