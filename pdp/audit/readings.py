"""Readings of the log: who asked it for what is a record of its own, in the log that was read."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from pdp.audit.query import DEFAULT_LIMIT
from pdp.audit.reading import altered, is_within, may_be_within, newest, rows_of
from pdp.audit.store import RecordStore
from pdp.audit.tables import records
from pdp.core.contract.clock import Clock
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.record import RECORD_VERSION, ReadingRecord, Record
from pdp.core.contract.record_bounds import cut
from pdp.core.contract.sealed import seal

WRITER: Final = "reader"
"""The writer of these records, whoever reads."""


class Readings:
    """Records what one process, which `reader` runs, reads of the log in `store`."""

    def __init__(self, store: RecordStore, *, reader: str, clock: Clock) -> None:
        self._store = store
        self._reader = cut(reader)
        self._clock = clock
        self._boot = clock.identifier()
        self._sequence = itertools.count(1)
        self._previous: str | None = None

    def record(self, command: str, asked: Mapping[str, str | int | bool], *, found: int | None) -> None:
        """Commit that `command` asked by the options `asked` and is about to give `found` records.

        Raises:
            StoreUnavailableError: that is not possible now.

        """
        sealed = seal(
            ReadingRecord(
                id=self._clock.identifier(),
                time=rfc3339(self._clock.wall()),
                writer=WRITER,
                boot=self._boot,
                sequence=next(self._sequence),
                version=RECORD_VERSION,
                previous=self._previous,
                reader=self._reader,
                command=command,
                asked={name: cut(value) if isinstance(value, str) else value for name, value in asked.items()},
                found=found,
            )
        )
        self._store.append([sealed])
        self._previous = sealed.digest


@dataclass(frozen=True, slots=True)
class ReadingQuery:
    """Which readings to find; what is None does not restrict. Of more than `limit`, the newest are given.

    `reader` is the exact one (`alice@host`), or `alice` on any host; times are as in `DriftQuery`.
    """

    reader: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int = DEFAULT_LIMIT


def find_readings(connection: Connection, query: ReadingQuery) -> list[ReadingRecord]:
    """The readings that `query` asks for, oldest first.

    Raises:
        StoreUnavailableError: a record among them was altered.

    """
    chosen = rows_of(records.c.kind == "reading", *may_be_within(query.since, query.until))

    def is_meant(record: Record) -> bool:
        return not isinstance(record, ReadingRecord) or _is_meant(record, query)

    found = []
    for one in newest(connection, chosen, query.limit, is_meant=is_meant, by_time=True):
        if not isinstance(one.sealed.record, ReadingRecord):
            raise altered(one.position)
        found.append(one.sealed.record)
    return found


def _is_meant(record: ReadingRecord, query: ReadingQuery) -> bool:
    is_reader = query.reader is None or query.reader in {record.reader, record.reader.partition("@")[0]}
    return is_reader and is_within(record.time, since=query.since, until=query.until)
