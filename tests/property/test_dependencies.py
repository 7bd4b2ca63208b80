"""`vary` is sound: what is outside of it never changes a decision. And minimal: what is in it can."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.engine.evaluate import Decision
from tests.property.drawing import Drawn, Seeded
from tests.property.generated import NOW, World, seeded_requests, seeded_world, worlds
from tests.property.generated_catalog import Definition
from tests.property.generated_requests import request
from tests.property.mutation import Moment, kept, mutated


def decided(world: World, moment: Moment) -> Decision:
    return world.engine.decide(moment.request, now=moment.now)


def called(world: World, moment: Moment) -> Definition:
    return next(tool for tool in world.tools if tool.tool.id == moment.request.resource.id)


def assert_decided_alike(world: World, before: Moment, after: Moment) -> bool:
    """INVARIANT: where `vary` keeps the same of both, so is the decision, until it ends; False where it doesn't."""
    first, second = decided(world, before), decided(world, after)
    timeless = [pointer for pointer in first.holds.vary if pointer != "/context/now"]
    clocked = len(timeless) < len(first.holds.vary)
    lasts = after.now == before.now or before.now <= after.now < first.holds.until
    if kept(before, timeless) != kept(after, timeless) or (clocked and not lasts):
        return False
    assert replace(second, holds=first.holds, detail=None) == replace(first, detail=None)
    assert second.holds.vary == first.holds.vary
    return True


@settings(max_examples=80)
@given(st.data())
def test_nothing_outside_vary_changes_a_decision(data: st.DataObject) -> None:
    world = data.draw(worlds())
    draw = Drawn(data.draw)
    before = Moment(request(draw, tools=world.tools), NOW)
    assert_decided_alike(world, before, mutated(draw, before, tool=called(world, before)))


def test_over_many_worlds_nothing_outside_vary_changes_a_decision() -> None:
    compared = Counter[str]()
    for seed in range(100):
        world, draw = seeded_world(seed), Seeded(seed)
        for one in seeded_requests(world, seed=seed, count=8):
            before = Moment(one, NOW)
            for _ in range(6):
                after = mutated(draw, before, tool=called(world, before))
                alike = after != before and assert_decided_alike(world, before, after)
                compared["alike" if alike else "other"] += 1
    print(compared)
    assert compared["alike"] > 2_000
