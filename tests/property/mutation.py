"""Changes to what a request says besides who asks what of which tool, and what `vary` keeps of a request."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from pdp.core.contract.authzen import EvaluationRequest
from tests.property.drawing import Draw
from tests.property.generated_catalog import Argument, Definition, Kind
from tests.property.generated_people import HOSTS, INSTANTS_AROUND, IPS, SESSIONS
from tests.property.generated_requests import ODD, value

ABSENT: Final = object()
"""In the place of a value: there is none."""
_GARBAGE: Final[Sequence[Any]] = ("localhost", "10.0.0.0/8", "", None, 7, 1.0, True, [], {"a": 1}, 2**63)
_MEMBERS: Final[Mapping[str, Sequence[Any]]] = {"ip": IPS, "session": SESSIONS, "enforcer": HOSTS, "transport": HOSTS}


@dataclass(frozen=True, slots=True)
class Moment:
    """A request asked at Unix time `now`."""

    request: EvaluationRequest
    now: float

    def with_context(self, context: Mapping[str, Any]) -> "Moment":
        """The same with another context."""
        return replace(self, request=msgspec.structs.replace(self.request, context=dict(context)))


def mutated(draw: Draw, moment: Moment, *, tool: Definition) -> Moment:
    """`moment` with one to four things changed that are not the principal, action or resource."""
    for _ in range(draw.integer(1, 4)):
        moment = draw.choice((_argument, _argument, _argument, _member, _member, _clock, _rest))(draw, moment, tool)
    return moment


def _argument(draw: Draw, moment: Moment, tool: Definition) -> Moment:
    arguments = moment.request.context.get("arguments")
    given = dict(arguments) if isinstance(arguments, Mapping) else {}
    return moment.with_context(moment.request.context | {"arguments": _changed(draw, given, tool.arguments)})


def _changed(draw: Draw, given: Mapping[str, Any], declared: Sequence[Argument]) -> dict[str, Any]:
    """`given` with one member, at any depth, set to something else, taken out, or put in undeclared."""
    if not declared or draw.chance(10):
        return {**given, draw.choice(("undeclared", "__entity", "repo", "tags", "deep")): draw.choice(ODD)}
    argument = draw.choice(declared)
    inner = given.get(argument.name)
    if argument.kind is Kind.NESTED and isinstance(inner, Mapping) and draw.chance(65):
        return {**given, argument.name: _changed(draw, inner, argument.parts)}
    new = draw.choice((value(draw, argument), value(draw, argument), draw.choice(ODD), ABSENT))
    return _with(given, argument.name, new)


def _member(draw: Draw, moment: Moment, tool: Definition) -> Moment:
    name = draw.choice(tuple(_MEMBERS))
    new = draw.choice((draw.choice(_MEMBERS[name]), draw.choice(_GARBAGE), ABSENT))
    return moment.with_context(_with(moment.request.context, name, new))


def _clock(draw: Draw, moment: Moment, tool: Definition) -> Moment:
    return replace(moment, now=draw.choice(INSTANTS_AROUND))


def _rest(draw: Draw, moment: Moment, tool: Definition) -> Moment:
    """Members that reach no policy, and arguments that are no object."""
    name = draw.choice(("now", "counters", "principal", "arguments"))
    return moment.with_context(_with(moment.request.context, name, draw.choice((*ODD, ABSENT))))


def _with(given: Mapping[str, Any], name: str, new: Any) -> dict[str, Any]:
    rest = {key: item for key, item in given.items() if key != name}
    return rest if new is ABSENT else {**rest, name: new}


def changed_at(given: Mapping[str, Any], path: Sequence[str], new: Any) -> dict[str, Any]:
    """`given` with `new` at `path`, or without anything there; objects on the way are made."""
    first, *rest = path
    if not rest:
        return _with(given, first, new)
    inner = given.get(first)
    return {**given, first: changed_at(inner if isinstance(inner, Mapping) else {}, rest, new)}


def kept(moment: Moment, vary: Sequence[str]) -> tuple[str, ...]:
    """What a cache key holds of `moment` under `vary`: two moments with one key must get one decision."""
    document = {"context": {**moment.request.context, "now": moment.now}}
    return tuple(_at(document, pointer) for pointer in vary)


def _at(document: Any, pointer: str) -> str:
    """The value at `pointer`, its type told; or how far the path goes, and whether it ends in null."""
    node = document
    for depth, step in enumerate(steps(pointer)):
        if not isinstance(node, Mapping):
            return f"{depth}: {'null' if node is None else 'no object'}"
        if step not in node:
            return f"{depth}: absent"
        node = node[step]
    return f"value: {json.dumps(node, sort_keys=True)}"


def steps(pointer: str) -> list[str]:
    """The steps of a JSON Pointer (RFC 6901)."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
