"""The port to where spooled records go."""

from collections.abc import Sequence
from typing import Protocol

from pdp.core.contract.run_head import RunHead


class Sink(Protocol):
    """Takes records for good."""

    async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
        """Return once the store has committed every record of `contents`, each the canonical bytes of one.

        `heads` says how far the writer's runs are by now. Records may come again, as they were.

        Raises:
            RecordsRefusedError: one of them is refused, and will be as often as it comes.
            RecordError: they are not all committed; they may be another time.

        """
        ...
