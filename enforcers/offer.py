"""What servers offer now, and the way to them: the two ports a host fills."""

from collections.abc import Iterable, Mapping
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


class Offers(Protocol):
    """The live tools under their wire names."""

    def find(self, wire_name: str) -> Offer | None:
        """The tool of that name, None when no server offers it."""
        ...

    def all(self) -> Iterable[tuple[str, Offer]]:
        """Every tool with its wire name, in the order of wire names."""
        ...


class Forwarder(Protocol):
    """Calls a tool at its server."""

    async def forward(self, offer: Offer, arguments: JsonObject) -> JsonObject:
        """The server's result.

        Raises:
            UpstreamError: there is none that can be answered.

        """
        ...
