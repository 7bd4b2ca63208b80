"""Witnesses that a place in `vary` matters: two requests of one slice, different there alone, decided differently."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import msgspec

from pdp.core.contract.authzen import EvaluationRequest
from pdp.core.contract.errors import Refused
from pdp.core.engine.closure import action_entities, defined, lineage, principal_entities, tool_entities
from pdp.core.engine.request import read_access
from tests.property.drawing import Draw
from tests.property.generated import NOW, World
from tests.property.generated_catalog import Argument, Definition
from tests.property.generated_people import HOSTS, INSTANTS_AROUND, IPS, MAPPING, SESSIONS
from tests.property.generated_requests import ODD, arguments, attributes, surroundings, value
from tests.property.mutation import ABSENT, Moment, changed_at, kept, steps

_MEMBERS: Final[Mapping[str, Sequence[Any]]] = {"ip": IPS, "session": SESSIONS, "enforcer": HOSTS, "transport": HOSTS}
_GARBAGE: Final[Sequence[Any]] = ("localhost", 7, [], {})


class Values(StrEnum):
    """Which values a witness may have: those that the tool's schema takes, or any JSON."""

    VALID = "valid"
    ANY = "any"


@dataclass(frozen=True)
class SharedSlice:
    """A tool, the policies that can match its calls by some people, and what these policies vary by."""

    tool: Definition
    policies: tuple[str, ...]
    vary: tuple[str, ...]
    calls: tuple[EvaluationRequest, ...]


def slices_of(world: World, requests: Sequence[EvaluationRequest]) -> list[SharedSlice]:
    """The slices that `requests` have, each with the requests that have it."""
    found: dict[tuple[str, tuple[str, ...]], list[EvaluationRequest]] = {}
    for request in requests:
        policies = _slice(world, request)
        if policies is not None:
            found.setdefault((request.resource.id, policies), []).append(request)
    tools = {definition.tool.id: definition for definition in world.callable}
    return [
        SharedSlice(tools[tool], policies, world.engine.decide(calls[0], now=NOW).holds.vary, tuple(calls))
        for (tool, policies), calls in found.items()
    ]


def _slice(world: World, request: EvaluationRequest) -> tuple[str, ...] | None:
    """The ids of the policies that can match, None for a request that is refused before they are asked."""
    try:
        access = read_access(request, mapping=MAPPING)
    except Refused:
        return None
    tool = world.called(request)
    if tool is None or not set(tool.scopes) <= set(access.context.scopes):
        return None
    own = principal_entities(access), action_entities(tool), tool_entities(tool)
    entities = defined(entity for each in own for entity in each)
    principal, action, resource = (lineage(first.uid, entities) for first, *_ in own)
    found = world.compiled.index.matching(principal=principal, action=action, resource=resource)
    return tuple(policy.id for policy in found)


def is_witnessed(draw: Draw, *, world: World, among: SharedSlice, pointer: str, values: Values, tries: int) -> bool:
    """Whether one of `tries` requests of the slice is decided in two ways when only what is at `pointer` changes."""
    for _ in range(tries):
        base = _base(draw, among, odd=30 if values is Values.ANY and draw.chance(50) else 0)
        first = _outcome(world, base)
        if any(_outcome(world, moment) != first for moment in _variants(draw, base, among, pointer, values)):
            return True
    return False


def _base(draw: Draw, among: SharedSlice, *, odd: int) -> Moment:
    """A request of the slice: its scopes look at principal, action and resource alone, so the rest is free."""
    asked = draw.choice(among.calls)
    plain = {name: item for name, item in asked.subject.properties.items() if name not in MAPPING.attributes}
    subject = msgspec.structs.replace(asked.subject, properties=plain | attributes(draw))
    context = {"arguments": _given(draw, among.tool, odd=odd), **surroundings(draw, odd=0)}
    return Moment(msgspec.structs.replace(asked, subject=subject, context=context), draw.choice(INSTANTS_AROUND))


def _given(draw: Draw, tool: Definition, *, odd: int) -> dict[str, Any]:
    """Arguments of `tool`; where they may be odd, what the schema wants may be missing too."""
    found = arguments(draw, tool.arguments, odd=odd)
    return {name: item for name, item in found.items() if not draw.chance(odd)}


def _variants(draw: Draw, base: Moment, among: SharedSlice, pointer: str, values: Values) -> Iterator[Moment]:
    """`base` with something else at `pointer` and the same at every other place in `vary`."""
    _, *path = steps(pointer)
    if path == ["now"]:
        yield from (replace(base, now=now) for now in INSTANTS_AROUND)
        return
    others = [other for other in among.vary if other != pointer]
    for at, item in _candidates(draw, among.tool, path, values):
        changed = base.with_context(changed_at(base.request.context, at, item))
        if kept(changed, others) == kept(base, others):
            yield changed


def _candidates(
    draw: Draw, tool: Definition, path: Sequence[str], values: Values
) -> Iterator[tuple[Sequence[str], Any]]:
    """What may stand at `path` in the context, or be missing on the way; literals of the policies among it."""
    yield from ((path[:length], ABSENT) for length in range(1, len(path) + 1))
    if values is Values.ANY:
        yield from ((path[:length], item) for length in range(2, len(path) + 1) for item in (*ODD, *_GARBAGE))
    first, *rest = path
    if first in _MEMBERS:
        yield from ((path, item) for item in (*_MEMBERS[first], *(_GARBAGE if values is Values.ANY else ())))
    elif not rest:
        yield from ((path, arguments(draw, tool.arguments, odd=0)) for _ in range(8))
    else:
        declared = _declared(tool.arguments, rest)
        yield from ((path, value(draw, declared)) for _ in range(8) if declared is not None)


def _declared(declared: Sequence[Argument], path: Sequence[str]) -> Argument | None:
    first, *rest = path
    found = next((argument for argument in declared if argument.name == first), None)
    return found if found is None or not rest else _declared(found.parts, rest)


def _outcome(world: World, moment: Moment) -> object:
    decision = world.engine.decide(moment.request, now=moment.now)
    return (decision.code, decision.policies, decision.errors, decision.obligations, decision.message)
