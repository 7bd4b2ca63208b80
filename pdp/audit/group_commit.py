"""One transaction for the records of many callers; a bad record takes no other with it."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from structlog.typing import FilteringBoundLogger

from pdp.audit.store import Keeping, RecordStore, RecordUnfitError, StoreUnavailableError, position_of
from pdp.core.contract.errors import RecordError
from pdp.core.contract.record import Record


class Due(StrEnum):
    """When a sync is to happen: once the interval has passed, or at once."""

    INTERVAL = "interval"
    NOW = "now"


class GroupCommit:
    """Commits to `store` and keeps count; what was committed is synced every `sync_interval` seconds.

    Blocks, and belongs to one thread; its counts may be read from any.
    """

    def __init__(
        self, store: RecordStore, *, sync_interval: float, monotonic: Callable[[], float], log: FilteringBoundLogger
    ) -> None:
        self._store = store
        self._sync_interval = sync_interval
        self._monotonic = monotonic
        self._log = log
        self._synced_at = monotonic()
        self._unsynced = 0
        self.committed = 0
        self.failures = 0
        self.last_error: str | None = None

    @property
    def unsynced(self) -> int:
        """How many records a power cut could take."""
        return self._unsynced

    def commit(self, groups: Sequence[Sequence[Record]]) -> list[RecordError | None]:
        """For each group, None once all its records are committed; an empty group probes the store."""
        records = [record for group in groups for record in group]
        try:
            if not all(groups):
                self._store.probe()
            self._append(records)
        except RecordUnfitError:
            self._log.warning("log_batch_retried", records=len(records))
            return [self._each(group) for group in groups]
        except StoreUnavailableError as error:
            return self._all_failed(error, groups, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the caller must be denied
            return self._all_failed(error, groups, "internal error")
        self.last_error = None
        return [None] * len(groups)

    def sync(self, due: Due) -> None:
        """Bring what was committed to the disk, if that is `due`; a failure is counted and logged."""
        waited = self._monotonic() - self._synced_at
        if not self._unsynced or (due is Due.INTERVAL and waited < self._sync_interval):
            return
        self._synced_at = self._monotonic()
        try:
            self._store.sync()
            self._unsynced = 0
        except Exception as error:  # noqa: BLE001 - nobody waits for this, and the commits stand
            self._failed(error, 0, f"what was committed could not be flushed: {type(error).__name__}")

    def _each(self, group: Sequence[Record]) -> RecordError | None:
        worst: RecordError | None = None
        for record in group:
            try:
                self._append([record])
            except (RecordUnfitError, StoreUnavailableError) as error:
                worst = self._failed(error, 1, str(error))
            except Exception as error:  # noqa: BLE001 - as above
                worst = self._failed(error, 1, "internal error")
        return worst

    def _append(self, records: Sequence[Record]) -> None:
        kept = self._store.append(records) if records else []
        stored = kept.count(Keeping.STORED)
        self.committed += stored
        self._unsynced += stored
        for record, keeping in zip(records, kept, strict=True):
            if keeping is Keeping.CONFLICT:
                at = position_of(record)
                self._log.critical("record_conflict", writer=at.writer, boot=at.boot, sequence=at.sequence)

    def _all_failed(self, error: Exception, groups: Sequence[Sequence[Record]], cause: str) -> list[RecordError | None]:
        self._failed(error, sum(map(len, groups)), cause)
        return [RecordError(cause) for _ in groups]

    def _failed(self, error: Exception, count: int, cause: str) -> RecordError:
        self.failures += count
        self.last_error = cause
        self._log.error("log_commit_failed", records=count, cause=cause, error=type(error).__name__)
        return RecordError(cause)
