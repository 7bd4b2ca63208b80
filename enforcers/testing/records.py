"""A spool and a sink in memory, which fail on demand."""

from collections.abc import Sequence

import msgspec

from pdp.core.contract.errors import RecordError, RecordsRefusedError
from pdp.core.contract.record import DecisionRecord, DriftRecord, OutcomeRecord, Record
from pdp.core.contract.run_head import RunHead
from pdp.core.contract.sealed import unseal


class InMemorySpool:
    """Keeps records in a list, numbered; set `records_lost` to a cause to make it fail."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.records_lost: str | None = None

    @property
    def decisions(self) -> list[DecisionRecord]:
        """The decision records, in the order of their arrival."""
        return [record for record in self.records if isinstance(record, DecisionRecord)]

    @property
    def drifts(self) -> list[DriftRecord]:
        """The records of drift, in the order of their arrival."""
        return [record for record in self.records if isinstance(record, DriftRecord)]

    @property
    def outcomes(self) -> list[OutcomeRecord]:
        """The outcome records, in the order of their arrival."""
        return [record for record in self.records if isinstance(record, OutcomeRecord)]

    async def append(self, records: Sequence[Record]) -> None:
        """Keep `records`.

        Raises:
            RecordError: records are set to be lost.

        """
        if self.records_lost is not None:
            raise RecordError(self.records_lost)
        for record in records:
            number = len(self.records) + 1
            self.records.append(msgspec.structs.replace(record, boot="memory", sequence=number))


class InMemorySink:
    """Keeps delivered contents in a list, each as often as it came.

    Set `unreachable` to a cause to make it fail; it refuses for good what is in `refuses`, by the record's id.
    """

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.heads: list[RunHead] = []
        self.refuses: set[str] = set()
        self.unreachable: str | None = None
        self.tries = 0

    @property
    def records(self) -> list[Record]:
        """The records, each once, in the order in which they came first."""
        return [unseal(content).record for content in dict.fromkeys(self.contents)]

    async def deliver(self, contents: Sequence[bytes], *, heads: Sequence[RunHead]) -> None:
        """Keep `contents`, all or none.

        Raises:
            RecordsRefusedError: one of them is to be refused.
            RecordError: it is set to be unreachable.

        """
        self.tries += 1
        self.heads = list(heads)
        if self.unreachable is not None:
            raise RecordError(self.unreachable)
        if any(unseal(content).record.id in self.refuses for content in contents):
            raise RecordsRefusedError("the record is refused")
        self.contents += contents
