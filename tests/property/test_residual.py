"""Lists of tools beside decisions on calls: nothing is hidden that could be called, little shown that could not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.catalog.schema.shape import RecordOf
from pdp.core.contract.authzen import OFFERED, ResourceSearchRequest
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine import cedar
from pdp.core.engine.closure import Entity, defined, lineage, principal_entities, server_entities, uid
from pdp.core.engine.policy import PolicyEffect
from pdp.core.engine.request import read_access
from pdp.core.engine.residual.audience import Visibility
from pdp.core.engine.residual.listing import Listing
from pdp.core.engine.residual.stage import LISTING
from pdp.core.engine.view import ARGUMENTS, MEMBERS, View
from tests.property.generated import NOW, World, seeded_requests, seeded_world
from tests.property.generated_catalog import Definition
from tests.property.generated_people import MAPPING
from tests.property.sampled_calls import Sampler, list_request
from tests.unit.engine.fitting import Fits, fit

SEEDS = st.integers(0, 2**32)
_CALLS = 60
_MANY = 3000


def _asked(world: World, seed: int) -> Iterator[tuple[ResourceSearchRequest, dict[str, Visibility]]]:
    """Two askers, and what the list says to each that can be told anything."""
    listing = Listing(world.compiled, catalog=world.catalog)
    for call in seeded_requests(world, seed=seed, count=2):
        asked = list_request(call, tools=world.callable)
        try:
            yield asked, dict(listing.visibilities(asked, now=NOW))
        except Refused:
            continue


def _told(world: World, asked: ResourceSearchRequest) -> tuple[Definition, ...]:
    """The tools that a list can have: of one that nobody approved, it has to be told."""
    return world.callable if OFFERED in asked.resource.properties else world.tools


def _allowed(world: World, tool: Definition, asked: ResourceSearchRequest, *, seed: int, count: int) -> set[bool]:
    calls = Sampler(world, seed=seed).calls(tool, asked, count=count)
    return {world.engine.decide(call, now=NOW).code is ReasonCode.ALLOWED for call in calls}


def _hides(world: World, asked: ResourceSearchRequest, tool: Definition) -> bool:
    """Whether Cedar finds a `forbid` on the listing itself that holds for the tool's server, or fails."""
    access = read_access(asked, mapping=MAPPING)
    people, servers = principal_entities(access), server_entities(uid("Server", tool.tool.server), tool.tool.tenant)
    entities = defined((*people, *servers, Entity(LISTING.uid, {})))
    principal, server = (lineage(one[0].uid, entities) for one in (people, servers))
    seen = View(MEMBERS - {ARGUMENTS}, frozenset()).of(access, RecordOf({}), now=NOW)
    forbids = [
        policy
        for policy in world.compiled.policies.values()
        if policy.effect is PolicyEffect.FORBID
        and isinstance(fit(policy.scope, principal=principal, action=LISTING, resource=server), Fits)
    ]
    if any(read.touches(place) for policy in forbids for read in policy.reads for place in seen.unrepresentable):
        return True
    answer = cedar.authorize(
        cedar.policy_set(policy.tree for policy in forbids),
        cedar.entities(entity.as_json() for entity in entities.values()),
        cedar.question(principal.uid, LISTING.uid, server.uid),
        context=seen.value,
    )
    return bool(answer.reasons or answer.errors)


@settings(max_examples=60)
@given(SEEDS)
def test_no_tool_of_which_a_call_is_allowed_is_hidden_and_of_a_sure_one_every_call_is(seed: int) -> None:
    world = seeded_world(seed)
    for asked, visible in _asked(world, seed):
        for tool in _told(world, asked):
            found = _allowed(world, tool, asked, seed=seed, count=_CALLS)
            match visible.get(tool.tool.id, Visibility.NO):
                case Visibility.YES:
                    assert found <= {True}
                case Visibility.NO:
                    assert _hides(world, asked, tool) or found <= {False}
                case Visibility.MAYBE:
                    pass
            if _hides(world, asked, tool):
                assert visible.get(tool.tool.id, Visibility.NO) is Visibility.NO


def test_nineteen_of_twenty_tools_that_may_be_called_can_be() -> None:
    counted = Counter(
        _found(world, tool, asked, visible[tool.tool.id], seed=seed)
        for seed in range(150)
        for world in [seeded_world(seed)]
        for asked, visible in _asked(world, seed)
        for tool in world.callable
        if tool.tool.id in visible
    )
    assert min(counted[each] for each in ("yes", "maybe", "no")) > 40
    assert counted["maybe, never seen"] <= 0.05 * (counted["maybe"] + counted["maybe, never seen"])


def _found(world: World, tool: Definition, asked: ResourceSearchRequest, visibility: Visibility, *, seed: int) -> str:
    if visibility is not Visibility.MAYBE:
        return visibility.value
    calls = Sampler(world, seed=seed).calls(tool, asked, count=_MANY)
    allowed = any(world.engine.decide(call, now=NOW).code is ReasonCode.ALLOWED for call in calls)
    return "maybe" if allowed else "maybe, never seen"


@settings(max_examples=40)
@given(SEEDS)
def test_where_no_argument_is_read_the_list_is_the_decision(seed: int) -> None:
    world = _without_arguments(seeded_world(seed))
    for asked, visible in _asked(world, seed):
        for tool in _told(world, asked):
            allowed = _allowed(world, tool, asked, seed=seed, count=40) == {True}
            shown = allowed and not _hides(world, asked, tool)
            assert visible.get(tool.tool.id, Visibility.NO) is (Visibility.YES if shown else Visibility.NO)


def _without_arguments(world: World) -> World:
    """`world` less the policies that read an argument."""
    blind = {
        f"policies/{policy.id}.cedar"
        for policy in world.compiled.policies.values()
        if not any(read.path[:1] in {(), (ARGUMENTS,)} for read in policy.reads)
    }
    return replace(world, policies={file: text for file, text in world.policies.items() if file in blind})
