"""Live tools that a test puts out and takes away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from enforcers.offer import Offer
from pdp.core.contract.errors import UpstreamError


@dataclass
class Shelf:
    """Fills the port `Offers`; set `unread` to a cause to have no server say what it offers now."""

    offers: Mapping[str, Offer | Sequence[Offer]] = field(default_factory=dict)
    unread: str | None = None
    listeners: list[Callable[[], None]] = field(default_factory=list)
    shown: Mapping[str, Sequence[Offer]] = field(default_factory=dict)

    def table(self) -> Mapping[str, Sequence[Offer]]:
        table = {name: [o] if isinstance(o, Offer) else list(o) for name, o in sorted(self.offers.items())}
        if table != self.shown:
            self.shown = table
        return self.shown

    def subscribe(self, listener: Callable[[], None]) -> None:
        self.listeners.append(listener)

    async def settled(self, wire_name: str) -> None:
        if self.unread is not None:
            raise UpstreamError(f"{self.unread}: {wire_name}")
