"""`vary` is sound: what is outside of it never changes a decision. And minimal: what is in it can."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.engine.evaluate import Decision
from tests.property.drawing import Drawn, Seeded
from tests.property.generated import NOW, World, seeded_requests, seeded_world, worlds
from tests.property.generated_catalog import Definition
from tests.property.generated_people import INSTANTS_AROUND
from tests.property.generated_requests import request
from tests.property.mutation import Moment, kept, mutated
from tests.property.witness import Values, is_witnessed, slices_of


def decided(world: World, moment: Moment) -> Decision:
    return world.engine.decide(moment.request, now=moment.now)


def called(world: World, moment: Moment) -> Definition:
    return next(tool for tool in world.callable if tool.tool.id == moment.request.resource.id)


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
    before = Moment(request(draw, tools=world.callable), NOW)
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


def test_until_its_end_no_later_time_changes_a_decision() -> None:
    ends = Counter[str]()
    for seed in range(100):
        world = seeded_world(seed)
        for one in seeded_requests(world, seed=seed, count=6):
            if "/context/now" not in world.engine.decide(one, now=NOW).holds.vary:
                continue
            at = {now: world.engine.decide(one, now=now) for now in INSTANTS_AROUND}
            for now, first in at.items():
                later = [other for instant, other in at.items() if now <= instant < first.holds.until]
                assert {replace(other, holds=first.holds) for other in later} <= {first}
                ends["later" if later else "at once"] += 1
    print(ends)
    assert ends["later"] > 0.8 * ends.total()


def test_nearly_every_place_in_vary_has_a_witness_whose_change_alone_changes_the_outcome() -> None:
    """A place with none makes a cache miss more often than it must, and nothing else: so this is a rate."""
    found = Counter[str]()
    without: list[str] = []
    for seed in range(220):
        world, draw = seeded_world(seed, policies=8), Seeded(seed)
        for among in slices_of(world, list(seeded_requests(world, seed=seed, count=12)))[:2]:
            for pointer in among.vary:
                witnessed = is_witnessed(draw, world=world, among=among, pointer=pointer, values=Values.ANY, tries=30)
                found[f"{'with' if witnessed else 'without'} {pointer.split('/')[2]}"] += 1
                without += [] if witnessed else [f"{pointer} of {among.tool.tool.id}, seed {seed}: {among.policies}"]
    total = found.total()
    print(f"{1 - len(without) / total:.1%} of {total} places have a witness: {dict(found)}", *without, sep="\n")
    assert total > 500
    assert len(without) <= 0.05 * total
