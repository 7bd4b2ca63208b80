"""One transaction for the records of many callers; a bad record takes no other with it."""

from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from pdp.audit.store import (
    Announcement,
    Fault,
    Keeping,
    Kept,
    RecordStore,
    RecordUnfitError,
    StoreUnavailableError,
    position_of,
)
from pdp.core.contract.errors import RecordError, RecordsRefusedError
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import Sealed


class GroupCommit:
    """Commits to `store`, keeps count, and raises alarms about records that are not as they must be.

    Blocks, and belongs to one thread; its counts may be read from any.
    """

    def __init__(self, store: RecordStore, *, log: FilteringBoundLogger) -> None:
        self._store = store
        self._log = log
        self.committed = 0
        self.failures = 0
        self.last_error: str | None = None

    def commit(self, groups: Sequence[Sequence[Sealed]]) -> list[RecordError | None]:
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

    def announce(self, announcements: Sequence[Announcement]) -> RecordError | None:
        """None once `announcements` are committed."""
        try:
            self._store.announce(announcements)
        except (RecordUnfitError, StoreUnavailableError) as error:
            return self._failed(error, 0, str(error))
        except Exception as error:  # noqa: BLE001 - as in `commit`
            return self._failed(error, 0, "internal error")
        self.last_error = None
        return None

    def _each(self, group: Sequence[Sealed]) -> RecordError | None:
        worst: RecordError | None = None
        for record in group:
            try:
                self._append([record])
            except RecordUnfitError as error:
                worst = RecordsRefusedError(self._failed(error, 1, str(error)).detail)
            except StoreUnavailableError as error:
                return self._failed(error, 1, str(error))
            except Exception as error:  # noqa: BLE001 - as above
                worst = self._failed(error, 1, "internal error")
        return worst

    def _append(self, records: Sequence[Sealed]) -> None:
        kept = self._store.append(records) if records else []
        for sealed, one in zip(records, kept, strict=True):
            self.committed += one.keeping is Keeping.STORED
            if one.keeping is Keeping.CONFLICT or one.fault is not None:
                self._alarm(sealed.record, one)

    def _alarm(self, record: Record, kept: Kept) -> None:
        at = position_of(record)
        where = {"writer": at.writer, "boot": at.boot, "sequence": at.sequence}
        if kept.keeping is Keeping.CONFLICT:
            self._log.critical("record_conflict", **where)
        elif kept.fault is Fault.UNLINKED:
            self._log.critical("record_unlinked", **where)
        else:
            self._log.warning("records_missing", **where)

    def _all_failed(self, error: Exception, groups: Sequence[Sequence[Sealed]], cause: str) -> list[RecordError | None]:
        self._failed(error, sum(map(len, groups)), cause)
        return [RecordError(cause) for _ in groups]

    def _failed(self, error: Exception, count: int, cause: str) -> RecordError:
        self.failures += count
        self.last_error = cause
        self._log.error("log_commit_failed", records=count, cause=cause, error=type(error).__name__)
        return RecordError(cause)
