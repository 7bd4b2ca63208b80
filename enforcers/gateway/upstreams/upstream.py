"""The port to one server behind the gateway, and the bounds every implementation keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pdp.core.contract.exact_json import JsonLimits, JsonObject


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Bounds on what a server may cost: times in seconds, sizes in bytes of one message."""

    start_timeout: float = 20.0
    call_timeout: float = 60.0
    probe_timeout: float = 5.0
    stop_timeout: float = 2.0
    message: JsonLimits = field(default_factory=JsonLimits)
    max_pages: int = 1000
    max_tools: int = 10_000
    silent_timeouts: int = 3


class Upstream(Protocol):
    """One server. Every method that talks to it raises UpstreamError, and nothing else, when that fails."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection that is not known to be broken."""
        ...

    async def start(self) -> None:
        """Have a connection on which the tools were read; does nothing when there is one.

        Raises:
            UpstreamError: the server does not come up within the start timeout.

        """
        ...

    def definitions(self) -> Sequence[JsonObject]:
        """The tools as the server last listed them, each with a `name` and an `inputSchema`."""
        ...

    def ttl(self) -> float | None:
        """For how many seconds the server says that its list holds, None where it says nothing."""
        ...

    async def refresh(self) -> None:
        """Read the tools again.

        Raises:
            UpstreamError: the server did not list them; `definitions` is as it was.

        """
        ...

    async def call(self, tool: str, *, arguments: JsonObject) -> JsonObject:
        """The result of one `tools/call`.

        Raises:
            UpstreamError: there is none; `SessionLostError` when the server did not even look at the call.

        """
        ...

    async def aclose(self) -> None:
        """End the connection and whatever was started for it."""
        ...
