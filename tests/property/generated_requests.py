"""Generated requests: mostly as a schema wants them, some odd."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject
from tests.property.drawing import Draw
from tests.property.generated_catalog import AMOUNTS, COUNTS, TEXTS, Argument, Definition, Kind
from tests.property.generated_people import (
    AGENTS,
    EMAILS,
    GROUPS,
    HOSTS,
    INSTANTS_AROUND,
    IPS,
    LEVELS,
    ROLES,
    SCOPES,
    SESSIONS,
    TEAMS,
    TENANTS,
    USERS,
)

ODD: Final[Sequence[Any]] = (
    None,
    True,
    1,
    1.0,
    0,
    "",
    "1",
    [],
    {},
    2**63,
    -(2**63) - 1,
    0.00001,
    1e300,
    [1, "a"],
    [None],
    {"deep": 1, "x": {"y": []}},
    {"__entity": {"type": "Mcp::User", "id": "corp|alice"}},
    {"__extn": {"fn": "ip", "arg": "::1"}},
)
"""Values that fit few schemas, or that Cedar cannot hold."""

MISTYPED: Final[Sequence[dict[str, Any]]] = (
    {"ip": "localhost"},
    {"ip": "10.0.0.0/8"},
    {"ip": 7},
    {"session": 1},
    {"enforcer": ["gateway"]},
    {"transport": None, "ip": ""},
    {"scopes": "admin"},
    {"actor": 1},
    {"delegation": {}},
)
"""Members of a context that are not as they must be."""

_VALUES: Final[Mapping[Kind, Sequence[Any]]] = {
    Kind.TEXT: TEXTS,
    Kind.COUNT: COUNTS,
    Kind.AMOUNT: AMOUNTS,
    Kind.FLAG: (False, True),
    Kind.EITHER: (*TEXTS, *COUNTS),
}


_ATTRIBUTES: Final[Mapping[str, Callable[[Draw], Any]]] = {
    "email": lambda draw: draw.choice(EMAILS),
    "level": lambda draw: draw.choice(LEVELS),
    "staff": lambda draw: draw.chance(50),
    "teams": lambda draw: draw.some(TEAMS, most=2),
    "since": lambda draw: draw.choice(INSTANTS_AROUND),
    "desk": lambda draw: draw.choice(IPS),
    "quota": lambda draw: draw.choice((0, 1.5, "2.2500")),
}


def request(draw: Draw, *, tools: Sequence[Definition]) -> EvaluationRequest:
    """One call of one of `tools`."""
    definition = draw.choice(tools)
    odd = 30 if draw.chance(20) else 0
    return EvaluationRequest(
        subject=_subject(draw),
        action=Action("tools/call"),
        resource=Resource("tool", definition.tool.id, _offered(draw, definition)),
        context={"arguments": arguments(draw, definition.arguments, odd=odd), **surroundings(draw, odd=8)},
    )


def _offered(draw: Draw, definition: Definition) -> dict[str, Any]:
    """Mostly the definition that was approved."""
    if draw.chance(10):
        return {}
    return {"digest": "sha256:other" if draw.chance(7) else definition.tool.pin or "sha256:new"}


def surroundings(draw: Draw, *, odd: int) -> dict[str, Any]:
    """The members of a context beside the arguments; in `odd` percent of draws one is not as it must be."""
    context: dict[str, Any] = {"scopes": draw.some(SCOPES, most=3)}
    if draw.chance(40):
        context["ip"] = draw.choice(IPS)
    if draw.chance(30):
        context |= {"actor": draw.choice(AGENTS), "delegation": _delegation(draw)}
    for name, values in (("session", SESSIONS), ("enforcer", HOSTS), ("transport", HOSTS)):
        if draw.chance(50):
            context[name] = draw.choice(values)
    if draw.chance(odd):
        context |= draw.choice(MISTYPED)
    return context


def arguments(draw: Draw, declared: Sequence[Argument], *, odd: int) -> dict[str, Any]:
    """Arguments under their schema, of which `odd` percent may be anything instead."""
    found = {}
    for argument in declared:
        if argument.required or draw.chance(60):
            found[argument.name] = draw.choice(ODD) if draw.chance(odd) else value(draw, argument)
    if draw.chance(odd):
        found["undeclared"] = draw.choice(ODD)
    return found


def value(draw: Draw, argument: Argument) -> Any:
    """A value that the schema of `argument` takes."""
    if argument.nullable and draw.chance(20):
        return None
    match argument.kind:
        case Kind.CHOICE:
            return draw.choice(argument.options)
        case Kind.TEXTS:
            return draw.some(TEXTS, most=3)
        case Kind.COUNTS:
            return draw.some(COUNTS, most=3)
        case Kind.NESTED:
            return {part.name: value(draw, part) for part in argument.parts if part.required or draw.chance(50)}
        case Kind.FREE:
            return {"any": draw.choice(ODD)}
        case plain:
            return draw.choice(_VALUES[plain])


def _subject(draw: Draw) -> Subject:
    kind, identifier = draw.choice((("user", draw.choice(USERS)), ("agent", draw.choice(AGENTS))))
    properties: dict[str, Any] = {
        "groups": draw.some(GROUPS, most=2),
        "roles": draw.some(ROLES, most=1),
    }
    if draw.chance(50):
        properties["tenant"] = draw.choice(TENANTS)
    return Subject(kind, identifier, properties | attributes(draw))


def attributes(draw: Draw) -> dict[str, Any]:
    """Some of the attributes that the mapping declares."""
    return {name: each(draw) for name, each in _ATTRIBUTES.items() if draw.chance(40)}


def _delegation(draw: Draw) -> dict[str, Any]:
    chain = [draw.choice(AGENTS) for _ in range(draw.integer(1, 3))]
    return {"first": chain[0], "last": chain[-1], "depth": len(chain), "members": sorted(set(chain))}
