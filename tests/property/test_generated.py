"""The generators themselves: what they make must be worth testing with."""

from collections import Counter

from pdp.core.contract.reason_code import ReasonCode
from tests.property.generated import NOW, seeded_requests, seeded_world

_WORLDS = 120
_REQUESTS = 15
_DECIDED = {
    ReasonCode.ALLOWED,
    ReasonCode.FORBIDDEN_BY_POLICY,
    ReasonCode.NO_POLICY_ALLOWS,
    ReasonCode.ARGUMENT_NOT_REPRESENTABLE,
    ReasonCode.POLICY_ERROR,
}
_REFUSED = {ReasonCode.REQUEST_INVALID, ReasonCode.TOOL_CHANGED, ReasonCode.SCOPE_MISSING}


def test_decisions_in_generated_worlds_are_mixed() -> None:
    codes = Counter(
        world.engine.decide(request, now=NOW).code
        for world in map(seeded_world, range(_WORLDS))
        for request in seeded_requests(world, seed=1, count=_REQUESTS)
    )
    print(codes)
    assert codes.keys() == {*_DECIDED, *_REFUSED}
    assert min(codes[code] for code in _REFUSED) >= 10
    assert min(codes[code] for code in _DECIDED) >= 0.05 * sum(codes[code] for code in _DECIDED)


def test_nearly_every_generated_policy_compiles() -> None:
    worlds = [seeded_world(seed) for seed in range(_WORLDS)]
    refused = [problem for world in worlds for problem in world.refused]
    assert len(refused) <= 0.02 * sum(len(world.policies) for world in worlds), refused[:3]


def test_a_seed_always_makes_the_same_world_and_requests() -> None:
    first, second = seeded_world(7), seeded_world(7)
    assert first == second
    assert list(seeded_requests(first, seed=3, count=5)) == list(seeded_requests(second, seed=3, count=5))
