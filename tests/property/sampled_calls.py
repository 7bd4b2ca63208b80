"""Valid arguments for a tool, drawn towards what the policies of a world tell apart."""

import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.contract.authzen import (
    DIGEST,
    OFFERED,
    Action,
    EvaluationRequest,
    Resource,
    ResourceKind,
    ResourceSearchRequest,
)
from pdp.core.contract.errors import ArgumentsError
from tests.property.generated import World
from tests.property.generated_catalog import AMOUNTS, COUNTS, TEXTS, Argument, Definition, Kind

_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"-?\b\d+(?:\.\d+)?\b")


class Sampler:
    """Draws calls; `texts` and `numbers` are what policies name, and what is next to it."""

    def __init__(self, world: World, *, seed: int) -> None:
        self._random = Random(seed)
        self._checker = ArgumentChecker()
        source = "\n".join(world.policies.values())
        written = {re.sub(r"\\(.)", r"\1", text) for text in _TEXT.findall(source)}
        patterns = {text.replace("*", filling) for text in written for filling in ("", "x", "/")}
        numbers = [float(number) if "." in number else int(number) for number in _NUMBER.findall(source)]
        self._texts = [*TEXTS, *sorted(patterns), "unheard-of"]
        self._counts = [*COUNTS, *sorted({int(each) + step for each in numbers for step in (-1, 0, 1)})]
        self._amounts = [*AMOUNTS, *(each for each in numbers if isinstance(each, float)), 0.5, -3.25]

    def calls(self, tool: Definition, asked: ResourceSearchRequest, *, count: int) -> Iterator[EvaluationRequest]:
        """At most `count` valid calls of `tool` by whoever asked for a list."""
        for _ in range(count):
            try:
                arguments = self._checker.check(tool.tool, self._record(tool.arguments))
            except ArgumentsError:
                continue
            context = {**asked.context, "arguments": arguments}
            resource = Resource("tool", tool.tool.id, _offered(tool, asked))
            yield EvaluationRequest(asked.subject, Action("tools/call"), resource, context)

    def _record(self, declared: Sequence[Argument]) -> dict[str, Any]:
        present = self._random.random()
        return {each.name: self._value(each) for each in declared if each.required or self._random.random() < present}

    def _value(self, argument: Argument) -> Any:
        if argument.nullable and self._random.random() < 0.3:
            return None
        if argument.kind is Kind.NESTED:
            return self._record(argument.parts)
        plain = {Kind.TEXTS: Kind.TEXT, Kind.COUNTS: Kind.COUNT}.get(argument.kind)
        if plain is not None:
            return [self._plain(plain) for _ in range(self._random.randint(0, 4))]
        return self._random.choice(argument.options) if argument.kind is Kind.CHOICE else self._plain(argument.kind)

    def _plain(self, kind: Kind) -> Any:
        choices: dict[Kind, Sequence[Any]] = {
            Kind.TEXT: self._texts,
            Kind.COUNT: self._counts,
            Kind.AMOUNT: self._amounts,
            Kind.FLAG: (False, True),
            Kind.EITHER: (*self._texts, *self._counts),
            Kind.FREE: ({"any": 1},),
        }
        return self._random.choice(choices[kind])


def _offered(tool: Definition, asked: ResourceSearchRequest) -> dict[str, str]:
    """Which definition of `tool` is offered, as far as a list was told."""
    if OFFERED not in asked.resource.properties:
        return {}
    return {DIGEST: asked.resource.properties[OFFERED].get(tool.tool.id, tool.tool.pin)}


def list_request(call: EvaluationRequest, *, tools: Sequence[Definition]) -> ResourceSearchRequest:
    """The request for a list by whoever makes `call`, when all else that is offered is as approved.

    Nobody looked for the list where nobody looked for the call; else tools that nobody approved are offered too.
    """
    context = {name: value for name, value in call.context.items() if name != "arguments"}
    properties = {}
    if DIGEST in call.resource.properties:
        strays = {tool.tool.id: "sha256:new" for tool in tools if not tool.tool.pin}
        properties = {OFFERED: strays | {call.resource.id: call.resource.properties[DIGEST]}}
    return ResourceSearchRequest(call.subject, Action("tools/call"), ResourceKind("tool", properties), context)
