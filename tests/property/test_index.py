"""The index is exact: the slice decides as the full set does, with the same reasons and the same errors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.contract.authzen import EvaluationRequest
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine import cedar
from pdp.core.engine.cedar import Answer, EntityUid, Verdict
from pdp.core.engine.closure import (
    Entity,
    action_entities,
    closed,
    defined,
    lineage,
    literal_entities,
    principal_entities,
    tool_entities,
)
from pdp.core.engine.dependencies import Read, Reading
from pdp.core.engine.evaluate import Decision
from pdp.core.engine.expression.tree import literals
from pdp.core.engine.index import PolicyIndex
from pdp.core.engine.policy import Policy
from pdp.core.engine.request import read_access
from pdp.core.engine.scope import Lineage
from pdp.core.engine.view import view_of
from tests.property.drawing import Draw, Drawn
from tests.property.generated import NOW, World, cases, seeded_requests, seeded_world
from tests.property.generated_people import MAPPING
from tests.unit.engine.fitting import Fits, fit
from tests.unit.engine.scoped import heads, ids

WHOLE: Final = view_of([Read((), Reading.VALUE)])


@dataclass(frozen=True)
class Asked:
    """A request as Cedar gets it under all policies of a world, and the policies found for it."""

    found: tuple[Policy, ...]
    fitting: tuple[Policy, ...]
    whole: Answer
    sliced: Answer


def asked(world: World, request: EvaluationRequest) -> Asked:
    """`request` put to Cedar with every policy of `world`, and with those of its slice; it sees the same data."""
    access, tool = read_access(request, mapping=MAPPING), world.called(request)
    if tool is None:
        raise Refused(ReasonCode.TOOL_CHANGED, "the tool is not as approved")
    policies = tuple(world.compiled.policies.values())
    named: list[EntityUid] = [uid for policy in policies for clause in policy.clauses for uid in literals(clause.expr)]
    own = principal_entities(access), action_entities(tool), tool_entities(tool)
    of_literals = (entity for uid in named for entity in literal_entities(uid, world.catalog))
    entities: dict[EntityUid, Entity] = defined((*own[0], *own[1], *own[2], *of_literals))
    principal, action, resource = (lineage(first.uid, entities) for first, *_ in own)
    found = world.compiled.index.matching(principal=principal, action=action, resource=resource)
    context = WHOLE.of(access, arguments_shape(tool.input_schema), now=NOW).value
    whole, sliced = (
        cedar.authorize(
            cedar.policy_set(policy.tree for policy in some),
            closed(entities, named),
            cedar.question(principal.uid, action.uid, resource.uid),
            context=context,
        )
        for some in (policies, found)
    )
    return Asked(found, fitting(policies, principal, action, resource), whole, sliced)


def fitting(policies: Iterable[Policy], principal: Lineage, action: Lineage, resource: Lineage) -> tuple[Policy, ...]:
    """The policies whose scope fits, looked at one by one."""
    return tuple(
        policy
        for policy in policies
        if isinstance(fit(policy.scope, principal=principal, action=action, resource=resource), Fits)
    )


@settings(max_examples=80)
@given(cases())
def test_a_slice_is_what_fits_and_cedar_answers_as_with_every_policy(case: tuple[World, EvaluationRequest]) -> None:
    world, request = case
    try:
        result = asked(world, request)
    except Refused:
        return  # nobody asks, or for nothing that is decided on
    assert result.found == result.fitting
    assert result.sliced == result.whole


def test_over_many_worlds_the_slice_answers_as_every_policy_and_is_smaller() -> None:
    sizes = []
    for seed in range(100):
        world = seeded_world(seed, policies=25)
        for request in seeded_requests(world, seed=seed, count=6):
            try:
                result = asked(world, request)
            except Refused:
                continue
            assert result.found == result.fitting
            assert result.sliced == result.whole
            assert_decided(world.engine.decide(request, now=NOW), result.whole)
            sizes.append((len(result.found), len(world.compiled.policies)))
    found, given_ = sum(size for size, _ in sizes), sum(size for _, size in sizes)
    print(f"{len(sizes)} requests, {found / len(sizes):.1f} of {given_ / len(sizes):.1f} policies in a slice")
    assert 0.1 < found / given_ < 0.6


def assert_decided(decision: Decision, whole: Answer) -> None:
    """INVARIANT: what nobody reads is not given to Cedar, and this must not show."""
    match decision.code:
        case ReasonCode.ARGUMENT_NOT_REPRESENTABLE | ReasonCode.SCOPE_MISSING:
            return
        case ReasonCode.POLICY_ERROR:
            assert decision.errors == whole.errors
        case code:
            assert (decision.policies, decision.errors) == (whole.reasons, whole.errors)
            assert (code is ReasonCode.ALLOWED) == (whole.verdict is Verdict.ALLOW)


TYPES: Final = ("A", "N::B", "N::A")
IDS: Final = ("x", "y", "z")
ENTITIES: Final = tuple(EntityUid(kind, name) for kind in TYPES for name in IDS)
ACTIONS: Final = tuple(EntityUid("N::Action", name) for name in IDS)


@settings(max_examples=150)
@given(st.data())
def test_what_is_found_is_exactly_what_cedar_says_of_bare_permits(data: st.DataObject) -> None:
    draw = Drawn(data.draw)
    policies = heads(**{f"p{number:02}": head(draw) for number in range(draw.integer(1, 12))})
    entities = {**hierarchy(draw, ENTITIES), **hierarchy(draw, ACTIONS)}
    named = draw.choice(ENTITIES), draw.choice(ACTIONS), draw.choice(ENTITIES)
    principal, action, resource = (lineage(uid, entities) for uid in named)
    answer = cedar.authorize(
        cedar.policy_set(policy.tree for policy in policies),
        closed(entities, named),
        cedar.question(*named),
        context={},
    )
    found = PolicyIndex(policies).matching(principal=principal, action=action, resource=resource)
    assert ids(found) == list(answer.reasons)
    assert found == fitting(policies, principal, action, resource)


def hierarchy(draw: Draw, uids: Sequence[EntityUid]) -> dict[EntityUid, Entity]:
    """`uids` as entities, each with parents among those after it."""
    return {uid: Entity(uid, {}, tuple(draw.some(uids[place + 1 :], most=2))) for place, uid in enumerate(uids)}


def head(draw: Draw) -> str:
    """What stands in a policy's brackets; any form of any constraint."""
    actions = [f'N::Action::"{draw.choice(IDS)}"' for _ in range(draw.integer(0, 3))]
    one = f'N::Action::"{draw.choice(IDS)}"'
    action = draw.choice(("action", f"action in [{', '.join(actions)}]", f"action in {one}", f"action == {one}"))
    return f"principal{constraint(draw)}, {action}, resource{constraint(draw)}"


def constraint(draw: Draw) -> str:
    entity, kind = f'{draw.choice(TYPES)}::"{draw.choice(IDS)}"', draw.choice(TYPES)
    return draw.choice(("", f" in {entity}", f" == {entity}", f" is {kind}", f" is {kind} in {entity}"))
