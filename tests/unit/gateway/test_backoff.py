from enforcers.gateway.backoff import Backoff


def test_the_first_failure_costs_nothing_and_each_further_one_twice_as_much_up_to_the_longest() -> None:
    backoff, waits = Backoff(first=0.5, longest=3), []
    for _ in range(6):
        backoff.failed(now=100)
        waits.append(backoff.wait(now=100))
    assert waits == [0, 0.5, 1, 2, 3, 3]
    assert backoff.wait(now=102) == 1
    assert backoff.wait(now=200) == 0


def test_a_success_forgets_all_failures() -> None:
    backoff = Backoff()
    for _ in range(1000):
        backoff.failed(now=0)
    backoff.succeeded()
    assert backoff.wait(now=0) == 0
    backoff.failed(now=0)
    assert backoff.wait(now=0) == 0
