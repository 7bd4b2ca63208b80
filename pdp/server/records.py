"""`POST /v1/records`: enforcers bring their records, and get an answer once these are committed."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pdp.audit.ingest import LogWriter
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import MessageError, RecordError, RecordsRefusedError
from pdp.core.contract.exact_json import JsonLimits, canonical, parse
from pdp.core.contract.identifier import unix_seconds
from pdp.core.contract.record import DecisionRecord, DriftRecord, EnforcerRecord, OutcomeRecord
from pdp.core.contract.run_head import RECORDS_HEADER, RunHead, read_heads
from pdp.core.contract.sealed import Sealed
from pdp.server.access import Caller
from pdp.server.announcements import Announcements
from pdp.server.enforcers import KnownEnforcer
from pdp.server.exchange import Answer, RefusedExchange, Request, json_answer
from pdp.server.fence import Fence
from pdp.server.metrics import Metrics

MAX_RECORDS: Final = 1000

_MAX_INTEGER: Final = 2**63 - 1
_MAX_NAME: Final = 256
_TIME: Final = re.compile(r"\d{4}-(0\d|1[0-2])-[0-3]\d[T][0-2]\d:[0-5]\d:[0-6]\d\.\d{3}Z", re.ASCII)


class Records:
    """Takes records."""

    def __init__(
        self,
        writer: LogWriter,
        announcements: Announcements | None,
        *,
        fence: Fence,
        metrics: Metrics,
        limits: JsonLimits,
    ) -> None:
        self._writer = writer
        self._announcements = announcements
        self._fence = fence
        self._metrics = metrics
        self._limits = limits

    async def take(self, http: Request, caller: Caller) -> Answer:
        """Commit the record or the list of records in the body.

        Raises:
            RefusedExchange: 400 for what is no record or cannot be stored, 403 for another's, 503 when not all are
                committed.

        """
        # (1) read
        heads = heads_said(http, caller)
        records, sealed = read_records(http.body, limits=self._limits)
        # (2) only one's own
        if not isinstance(caller, KnownEnforcer) or any(record.writer != caller.name for record in records):
            raise RefusedExchange(403, "a record's `writer` is not the enforcer that brings it")
        self._fence.check_records(caller, records)
        # (3) commit
        try:
            await self._writer.commit_all(sealed)
        except RecordsRefusedError as error:
            raise RefusedExchange(400, "a record cannot be stored") from error
        except RecordError as error:
            raise RefusedExchange(503, error.caller_text) from error
        for record in records:
            if isinstance(record, DriftRecord):
                self._metrics.drifted(record)
        if self._announcements is not None:
            self._announcements.take(caller.name, heads)
        # (4) answer
        return json_answer({"committed": len(records)})


def heads_said(http: Request, caller: Caller) -> Sequence[RunHead]:
    """What an enforcer says of its runs; nobody else is asked.

    Raises:
        RefusedExchange: 400 for a header that says something else.

    """
    text = http.header(RECORDS_HEADER.lower().encode())
    if text is None or not isinstance(caller, KnownEnforcer):
        return ()
    try:
        return read_heads(text)
    except ValueError as error:
        raise RefusedExchange(400, f"the header `{RECORDS_HEADER.lower()}` is not as it must be") from error


def read_records(body: bytes, *, limits: JsonLimits) -> tuple[Sequence[EnforcerRecord], Sequence[Sealed]]:
    """The records in `body`, and as they are kept: one object, or a list of at most `MAX_RECORDS`.

    Raises:
        RefusedExchange: it holds something else.

    """
    try:
        value: Any = parse(body, limits=limits)
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_RECORDS:
            raise RefusedExchange(413, f"more than {MAX_RECORDS} records")
        records = msgspec.convert(items, list[EnforcerRecord], strict=True)
    except MessageError as error:
        raise RefusedExchange(400, error.caller_text) from error
    except msgspec.ValidationError as error:
        # Not its text, which quotes a value where an enumeration is meant.
        raise RefusedExchange(400, "not a record, or not a list of records") from error
    for record in records:
        _check(record)
    return records, [_sealed(record, item) for record, item in zip(records, items, strict=True)]


def _sealed(record: EnforcerRecord, item: Any) -> Sealed:
    """As whoever wrote it has it, so that its digest is the one that the next record of its chain names."""
    content = canonical(item)
    return Sealed(record, content, digest_of(content))


def _check(record: EnforcerRecord) -> None:
    numbers, names = [record.sequence - 1], [record.id, record.writer, record.boot]
    match record:
        case DecisionRecord():
            numbers += [record.latency_us, record.generation]
        case OutcomeRecord():
            numbers += [record.latency_us, record.result_bytes or 0]
            names.append(record.decision)
        case DriftRecord():
            numbers.append(record.count - 1)
            names.append(record.server)
    if not all(0 <= number < _MAX_INTEGER for number in numbers):
        raise RefusedExchange(400, "a number in a record is out of range")
    if not all(0 < len(name) <= _MAX_NAME for name in names):
        raise RefusedExchange(400, "an identifier in a record is empty or too long")
    if not _is_time(record.time):
        raise RefusedExchange(400, "`time` in a record is not RFC 3339 in UTC with milliseconds")


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        unix_seconds(text)
    except (ValueError, OverflowError):
        return False
    return True
