"""What servers offer now, and the way to them: the two ports a host fills."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pdp.core.contract.exact_json import JsonObject


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as its server offers it now; `pin` is the digest of `definition`."""

    server: str
    tool: str
    definition: Mapping[str, Any]
    pin: str

    @property
    def id(self) -> str:
        """`server/tool`."""
        return f"{self.server}/{self.tool}"


class ErrorResult(dict[str, Any]):
    """The tool result that stands for a JSON-RPC error with `code`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(content=[{"type": "text", "text": text}], isError=True)
        self.code = code


class Offers(Protocol):
    """The live tools under their wire names."""

    def table(self) -> Mapping[str, Sequence[Offer]]:
        """Every live tool by wire name, in the order of names; another object once anything may have changed.

        Several share a name where a server offers one twice, or means to take the name of another tool.
        """
        ...

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever there is another table."""
        ...

    async def settled(self, wire_name: str) -> None:
        """Return once the table says what stands behind that name now: no change that was announced is unread.

        Raises:
            UpstreamError: the server does not say.

        """
        ...


class Found(Protocol):
    """Finds the tool that a call of a name would go to."""

    def offered(self, wire_name: str) -> Offer | None:
        """The tool, None where a call would go nowhere."""
        ...


class Forwarder(Protocol):
    """Calls a tool at its server."""

    async def forward(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        """The server's result.

        Raises:
            UpstreamError: there is none that can be answered.
            Refused: `tool_changed`: the server offers the tool no more as `offer` has it.

        """
        ...
