"""Records for tests, and a store that does as it is told."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pdp.audit.store import Announcement, Keeping, Kept, RecordStore, Run
from pdp.core.contract.comparison_record import Answered, ComparisonRecord, Difference
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord, DriftRecord, OutcomeRecord, ReadingRecord, Record
from pdp.core.contract.record_terms import Change, DecisionOrigin, DriftState, Effect, Fate
from pdp.core.contract.sealed import Sealed, seal

HOSTILE = [
    "nul\0inside",
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "a\nb\r\nc\td",
    "'; DROP TABLE decisions; --",
    '"),(1,2',
    "%s %d {0} :name ?1",
    "\u202egnp.exe\u2066\ufeff",
    "\U0001f600\U000e0041\ufffe",
    "\\x1b\\",
    "",
    "[bold red]markup[/] :boom:",
    "x" * 100_000,
]
"""Text that must be kept as it is and must not act on whoever reads it."""


def decision(sequence: int = 1, **changes: Any) -> DecisionRecord:
    fields: dict[str, Any] = {
        "id": f"d{sequence}",
        "time": f"2026-07-28T09:{sequence // 60 % 60:02}:{sequence % 60:02}.000Z",
        "writer": "gateway",
        "boot": "b1",
        "sequence": sequence,
        "effect": Effect.ALLOW,
        "reason_code": ReasonCode.ALLOWED,
        "origin": DecisionOrigin.FRESH,
        "transport": "http",
        "latency_us": 1234,
        "method": "tools/call",
        "server": "git",
        "tool": "git_log",
        "principal_type": "user",
        "principal": "corp|alice",
        "groups": ["corp|eng", "corp|ops"],
        "policies": ["engineers-read"],
        "generation": 7,
        "bundle": "sha256:00",
        "arguments": {"repo": "/srv", "n": 1, "f": 1.0, "big": 2**64 - 1, "none": None, "list": [True, "x"]},
    }
    return DecisionRecord(**(fields | changes))


def outcome(sequence: int = 2, **changes: Any) -> OutcomeRecord:
    fields: dict[str, Any] = {
        "id": f"o{sequence}",
        "time": "2026-07-28T09:30:00.000Z",
        "writer": "gateway",
        "boot": "b1",
        "sequence": sequence,
        "decision": "d1",
        "fate": Fate.ANSWERED,
        "reason_code": ReasonCode.ALLOWED,
        "latency_us": 99,
        "result_digest": "sha256:11",
        "result_bytes": 12,
    }
    return OutcomeRecord(**(fields | changes))


def drift(sequence: int = 3, **changes: Any) -> DriftRecord:
    fields: dict[str, Any] = {
        "id": f"x{sequence}",
        "time": f"2026-07-28T09:{sequence // 60 % 60:02}:{sequence % 60:02}.000Z",
        "writer": "gateway",
        "boot": "b1",
        "sequence": sequence,
        "server": "git",
        "state": DriftState.CHANGED,
        "reason_code": ReasonCode.TOOL_CHANGED,
        "tool": "git_log",
        "approved": "sha256:aa",
        "offered": "sha256:bb",
    }
    return DriftRecord(**(fields | changes))


def difference(number: int = 1, **changes: Any) -> Difference:
    fields: dict[str, Any] = {
        "decision_id": f"decision-{number}",
        "time": f"2026-07-28T09:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "change": Change.ALLOW_TO_DENY,
        "active": Answered(Effect.ALLOW, ReasonCode.ALLOWED, ["engineers-read"]),
        "shadow": Answered(Effect.DENY, ReasonCode.FORBIDDEN_BY_POLICY, ["freeze"]),
        "method": "tools/call",
        "server": "git",
        "tool": "git_log",
        "principal": "corp|alice",
        "actor": "corp|agent",
    }
    return Difference(**(fields | changes))


def comparison(sequence: int = 4, **changes: Any) -> ComparisonRecord:
    fields: dict[str, Any] = {
        "id": f"c{sequence}",
        "time": f"2026-07-28T09:{sequence // 60 % 60:02}:{sequence % 60:02}.000Z",
        "writer": "pdp",
        "boot": "b1",
        "sequence": sequence,
        "generation": 7,
        "bundle": "sha256:00",
        "shadow": "sha256:ff",
        "percent": 12.5,
        "since": "2026-07-28T09:00:00.000Z",
        "compared": 10,
        "skipped": 1,
        "incomparable": 2,
        "different": 1,
        "changes": {Change.ALLOW_TO_DENY: 1},
        "differences": [difference()],
    }
    return ComparisonRecord(**(fields | changes))


def reading(sequence: int = 5, **changes: Any) -> ReadingRecord:
    fields: dict[str, Any] = {
        "id": f"r{sequence}",
        "time": "2026-07-28T09:30:00.000Z",
        "writer": "reader",
        "boot": "b1",
        "sequence": sequence,
        "reader": "root",
        "command": "query",
    }
    return ReadingRecord(**(fields | changes))


def put(store: RecordStore, records: Sequence[Record]) -> list[Keeping]:
    """What became of `records`, whatever their places."""
    return [kept.keeping for kept in store.append(sealed(records))]


def sealed(records: Sequence[Record]) -> list[Sealed]:
    return [seal(record) for record in records]


def chained(records: Sequence[Record]) -> list[Sealed]:
    """`records` as one writer has them: of version 2, each naming the one before it."""
    found: list[Sealed] = []
    for record in records:
        previous = found[-1].digest if found else None
        found.append(seal(msgspec.structs.replace(record, version=2, previous=previous)))
    return found


class MemoryStore:
    """Keeps records in a list; `judge` may raise for a batch, `gate` holds commits up while it is not set."""

    def __init__(self, judge: Callable[[Sequence[Record]], None] | None = None) -> None:
        self.records: list[Record] = []
        self.batches: list[int] = []
        self.announced: list[Announcement] = []
        self.runs: list[Run] = []
        self.probes = 0
        self.is_closed = False
        self.judge = judge
        self.gate = threading.Event()
        self.gate.set()

    def append(self, records: Sequence[Sealed]) -> list[Kept]:
        assert self.gate.wait(30)
        plain = [sealed.record for sealed in records]
        if self.judge is not None:
            self.judge(plain)
        self.records += plain
        self.batches.append(len(records))
        return [Kept(Keeping.STORED)] * len(records)

    def announce(self, announcements: Sequence[Announcement]) -> None:
        if self.judge is not None:
            self.judge([])
        self.announced += announcements

    def probe(self) -> None:
        if self.judge is not None:
            self.judge([])
        self.probes += 1

    def close(self) -> None:
        self.is_closed = True
