"""The records that the decision point makes itself, whatever they are about."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from pdp.audit.ingest import LogWriter
from pdp.core.contract.clock import Clock
from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.record import RECORD_VERSION, UNNUMBERED, DecisionRecord, Record
from pdp.server.enforcer_keys import OWN_WRITER
from pdp.spool.spool import Standing

Own = TypeVar("Own", DecisionRecord, ComparisonRecord)


class OwnSpool(Protocol):
    """Numbers records, keeps them, and has them delivered to the log."""

    async def start(self) -> None:
        """Begin to take records.

        Raises:
            UnusableError: its folder cannot be used.

        """
        ...

    async def append(self, records: Sequence[Record]) -> None:
        """Return once all of `records` have their numbers and are kept.

        Raises:
            RecordError: they are not.

        """
        ...

    def standing(self) -> Standing:
        """How it is."""
        ...

    async def check(self) -> None:
        """Return where it takes records.

        Raises:
            RecordError: it takes none.

        """
        ...

    async def aclose(self) -> None:
        """Keep what was asked for, and end."""
        ...


class OwnRecords:
    """Makes records, and has them kept in `spool`, from which they go to the log behind `writer`."""

    def __init__(self, writer: LogWriter, spool: OwnSpool, *, clock: Clock) -> None:
        self.writer = writer
        self.spool = spool
        self._clock = clock

    def made(self, kind: type[Own], **members: Any) -> Own:
        """A record of `kind`, made now."""
        return kind(
            id=self._clock.identifier(),
            time=rfc3339(self._clock.wall()),
            writer=OWN_WRITER,
            boot=UNNUMBERED,
            sequence=0,
            version=RECORD_VERSION,
            **members,
        )

    async def commit(self, records: Sequence[Record]) -> None:
        """Return once all of `records` are kept.

        Raises:
            RecordError: they are not.

        """
        await self.spool.append(records)
