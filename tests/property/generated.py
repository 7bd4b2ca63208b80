"""Generated worlds: a catalog, policies that compile against it, and requests that meet them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from hypothesis import strategies as st

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.entries.entry import Entries
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import DIGEST, EvaluationRequest
from pdp.core.contract.errors import ConfigurationError, Problem, Refused, Severity
from pdp.core.engine.compile import CompiledPolicies, compile_policies
from pdp.core.engine.evaluate import Engine
from tests.property.drawing import Draw, Drawn, Seeded
from tests.property.generated_catalog import Definition, definitions, strays
from tests.property.generated_people import MAPPING, NOW
from tests.property.generated_policies import policy
from tests.property.generated_requests import request

__all__ = ["NOW", "World", "cases", "seeded_requests", "seeded_world", "worlds"]

_MOST_POLICIES: Final = 10


@dataclass(frozen=True)
class World:
    """Approved tools, what is said of them, and policies; `policies` maps a file name to the text of one policy."""

    tools: tuple[Definition, ...]
    entries: Entries
    policies: dict[str, str]

    @cached_property
    def catalog(self) -> Catalog:
        """The tools as the engine knows them."""
        return Catalog((definition.tool for definition in self.tools), entries=self.entries)

    @cached_property
    def callable(self) -> tuple[Definition, ...]:
        """The approved tools, and some that nobody approved and that may be called."""
        return (*self.tools, *strays(self.catalog))

    def called(self, request: EvaluationRequest) -> Tool | None:
        """The tool of `request` as it is decided on, None where it is not."""
        try:
            return self.catalog.resolve(request.resource.id, offered=request.resource.properties.get(DIGEST))
        except Refused:
            return None

    @cached_property
    def compiled(self) -> CompiledPolicies:
        """The policies that compile, all others left out."""
        return self._compiled[0]

    @cached_property
    def refused(self) -> tuple[Problem, ...]:
        """What is wrong with the policies left out."""
        return self._compiled[1]

    @cached_property
    def engine(self) -> Engine:
        """Decides under `compiled`."""
        return Engine(self.compiled, catalog=self.catalog)

    @cached_property
    def _compiled(self) -> tuple[CompiledPolicies, tuple[Problem, ...]]:
        sources = {file: text.encode() for file, text in self.policies.items()}
        refused: tuple[Problem, ...] = ()
        while True:
            try:
                return compile_policies(sources, catalog=self.catalog, mapping=MAPPING), refused
            except ConfigurationError as error:
                refused += tuple(one for one in error.problems if one.severity is Severity.ERROR)
                sources = {file: raw for file, raw in sources.items() if file not in {p.file for p in refused}}


def seeded_world(seed: int, *, policies: int = _MOST_POLICIES) -> World:
    """The world that follows from `seed`, with `policies` policies at most."""
    return _world(Seeded(seed), policies=policies)


def seeded_requests(world: World, *, seed: int, count: int) -> Iterator[EvaluationRequest]:
    """`count` requests that follow from `seed`."""
    draw = Seeded(seed)
    for _ in range(count):
        yield request(draw, tools=world.callable)


@st.composite
def worlds(draw: st.DrawFn, *, policies: int = 6) -> World:
    """Worlds with `policies` policies at most."""
    return _world(Drawn(draw), policies=policies)


@st.composite
def cases(draw: st.DrawFn, *, policies: int = 6) -> tuple[World, EvaluationRequest]:
    """A world with one request."""
    world = _world(Drawn(draw), policies=policies)
    return world, request(Drawn(draw), tools=world.callable)


def _world(draw: Draw, *, policies: int) -> World:
    tools, entries = definitions(draw)
    count = draw.integer(1, policies)
    keys = [f"p{number:03}" for number in range(count)]
    return World(tools, entries, {f"policies/{key}.cedar": policy(draw, key=key, tools=tools) for key in keys})
