"""The records that the decision point makes itself: one run, one sequence, whatever they are about."""

import itertools
from collections.abc import Sequence
from typing import Any, TypeVar

from pdp.audit.ingest import LogWriter
from pdp.core.contract.clock import Clock
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.record import RECORD_VERSION, ComparisonRecord, DecisionRecord, Record
from pdp.core.contract.sealed import seal
from pdp.server.enforcer_keys import OWN_WRITER

Own = TypeVar("Own", DecisionRecord, ComparisonRecord)


class OwnRecords:
    """Numbers and commits the records of one run."""

    def __init__(self, writer: LogWriter, *, clock: Clock) -> None:
        self.writer = writer
        self._clock = clock
        self._boot = clock.identifier()
        self._sequence = itertools.count(1)

    def numbered(self, kind: type[Own], **members: Any) -> Own:
        """A record of `kind`, made now, under the next number."""
        return kind(
            id=self._clock.identifier(),
            time=rfc3339(self._clock.wall()),
            writer=OWN_WRITER,
            boot=self._boot,
            sequence=next(self._sequence),
            version=RECORD_VERSION,
            **members,
        )

    async def commit(self, records: Sequence[Record]) -> None:
        """Return once all of `records` are committed.

        Raises:
            RecordError: at least one of them is not.

        """
        await self.writer.commit_all([seal(record) for record in records])
