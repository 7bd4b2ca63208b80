import itertools

import pytest

from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject
from pdp.core.contract.identifier import uuid7
from pdp.server.sampling import Sampler, is_light

SPREAD = [
    uuid7(unix_ms=1_785_229_200_000, randomness=bytes(6) + (step << 16).to_bytes(4, "big")) for step in range(1 << 16)
]
"""Ids whose last digits are spread evenly over all that there are."""


@pytest.mark.parametrize("percent", [0.01, 1.0, 10.0, 33.3, 50.0, 99.9, 100.0])
def test_exactly_the_given_part_of_all_ids_is_picked(percent: float) -> None:
    sampler = Sampler(percent)
    picked = sum(map(sampler.picks, SPREAD))
    assert abs(picked - percent / 100 * len(SPREAD)) < 1


def test_all_are_picked_of_a_hundred_percent_and_next_to_none_of_next_to_nothing() -> None:
    last = uuid7(unix_ms=0, randomness=b"\xff" * 10)
    assert Sampler(100).picks(last)
    assert not Sampler(99.999999).picks(last)
    assert [Sampler(1e-12).picks(one) for one in SPREAD[:3]] == [True, False, False]


def test_who_is_picked_on_few_is_picked_on_more() -> None:
    for few, more in itertools.pairwise([0.5, 5, 50, 100]):
        assert {one for one in SPREAD if Sampler(few).picks(one)} <= {one for one in SPREAD if Sampler(more).picks(one)}


def asked(arguments: object) -> EvaluationRequest:
    return EvaluationRequest(
        Subject("user", "corp|alice"), Action("tools/call"), Resource("tool", "git/git_log"), {"arguments": arguments}
    )


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("arguments", "light"),
    [
        ({}, True),
        ({"repo": "/srv", "n": 1, "list": ["a", {"b": None}], "f": 1.5}, True),
        ({"text": "x" * 60_000}, True),
        ({"text": "x" * 70_000}, False),
        ({"x" * 70_000: 1}, False),
        ({"list": [1] * 1_000_000}, False),
        ({str(n): n for n in range(100_000)}, False),
        ({"list": ["x" * 1000] * 70}, False),
        (nested(200), True),
        (nested(100_000), False),
        (("x" * 70_000,), False),
    ],
)
def test_what_is_large_is_not_light_however_it_is_made(arguments: object, light: bool) -> None:  # noqa: FBT001
    assert is_light(asked(arguments)) is light


def test_names_weigh_too() -> None:
    request = asked({})
    large = "x" * 70_000
    for one in (
        EvaluationRequest(Subject("user", large), request.action, request.resource),
        EvaluationRequest(request.subject, Action(large), request.resource),
        EvaluationRequest(request.subject, request.action, Resource("tool", large)),
        EvaluationRequest(Subject("user", "a", {"groups": [large]}), request.action, request.resource),
        EvaluationRequest(request.subject, request.action, Resource("tool", "a", {large: 1})),
    ):
        assert not is_light(one)
