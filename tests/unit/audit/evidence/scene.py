"""A log that writers fill and a checkpointer signs, and somebody with all rights on its database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import structlog
from sqlalchemy import text

from pdp.audit.evidence.checkpoint import Checkpoint
from pdp.audit.evidence.checkpointer import Checkpointer, CheckpointRules
from pdp.audit.evidence.export import Leaves
from pdp.audit.evidence.finding import Damage
from pdp.audit.evidence.held import Held
from pdp.audit.evidence.held_check import HeldFile
from pdp.audit.evidence.ledger import Ledger
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.remembered import Remembered
from pdp.audit.evidence.verify import Report, Verification
from pdp.audit.log_database import Hold, LogDatabase
from pdp.audit.sql_store import SqlStore
from pdp.audit.sqlite import SqliteLog
from pdp.core.bundle.key import KeyPair
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest_of
from pdp.core.contract.sealed import Sealed, seal, unseal
from pdp.database.sqlite_file import Access
from tests.unit.audit.sample import decision

KEY = KeyPair.from_seed(b"k" * 32)
OTHER_KEY = KeyPair.from_seed(b"o" * 32)


@dataclass
class Hands:
    """A clock that is moved by hand."""

    now: float = 1_790_000_000.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, steady=lambda: self.now, randomness=lambda size: b"r" * size)


@dataclass
class Writer:
    """Numbers and chains records, as a spool does."""

    name: str = "gateway"
    boot: str = "b1"
    sequence: int = 0
    previous: str | None = None

    def write(self, count: int, **changes: Any) -> list[Sealed]:
        written = []
        for _ in range(count):
            self.sequence += 1
            at = {"writer": self.name, "boot": self.boot, "previous": self.previous, "version": 2}
            sealed = seal(
                decision(self.sequence, **{"id": f"{self.name}-{self.boot}-{self.sequence}", **at, **changes})
            )
            self.previous = sealed.digest
            written.append(sealed)
        return written

    def restart(self, boot: str) -> None:
        self.boot, self.sequence = boot, 0


@dataclass
class Scene:
    """A log with its checkpoints; `open` gives another connection to it."""

    folder: Path
    every: int = 10
    hands: Hands = field(default_factory=Hands)

    def __post_init__(self) -> None:
        self._opened: list[LogDatabase] = []
        self.writer = self.open(Access.WRITE)
        self.reader = self.open(Access.READ)
        self.store = SqlStore(self.writer, wall=lambda: self.hands.now)
        self.ledger = self.another_ledger()
        self.checkpointer = self.another()

    def open(self, access: Access) -> LogDatabase:
        database = SqliteLog(self.folder / "log.db", access)
        self._opened.append(database)
        return database

    def another_ledger(self) -> Ledger:
        return Ledger(self.open(Access.READ), self.open(Access.WRITE))

    def another(
        self, *, key: KeyPair = KEY, name: str = "seen", ledger: Ledger | None = None, trusted: Sequence[KeyPair] = ()
    ) -> Checkpointer:
        return Checkpointer(
            ledger or self.ledger,
            key=key,
            trusted={one.public.id: one.public for one in trusted},
            remembered=Remembered(self.folder / name),
            rules=CheckpointRules(every=self.every, interval=60.0, silence=3600.0),
            clock=self.hands.clock(),
            log=structlog.get_logger(),
        )

    def close(self) -> None:
        for database in self._opened:
            database.close()

    def put(self, records: Iterable[Sealed]) -> None:
        self.store.append(list(records))

    def tamper(self, statement: str, **values: Any) -> None:
        with self.writer.transaction(Hold.NOTHING) as connection:
            connection.execute(text(statement), values)

    def ask(self, statement: str, **values: Any) -> list[Any]:
        with self.reader.transaction(Hold.NOTHING) as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def content(self, position: int) -> Sealed:
        return unseal(
            bytes(self.ask("SELECT content FROM records WHERE position = :position", position=position)[0][0])
        )

    def replace(self, position: int, sealed: Sealed) -> None:
        """Put another record there, with the digest that it has."""
        self.tamper(
            "UPDATE records SET content = :content, digest = :digest WHERE position = :position",
            content=sealed.content,
            digest=bytes.fromhex(sealed.digest[7:]),
            position=position,
        )

    def rechain(self, first: int, last: int) -> None:
        """Have the records at these positions, of one run, name each other again, and the log note the last."""
        before = self.content(first)
        for position in range(first + 1, last + 1):
            record = msgspec.structs.replace(self.content(position).record, previous=before.digest)
            before = seal(record)
            self.replace(position, before)
        self.tamper(
            "UPDATE runs SET digest = :digest WHERE writer = :writer AND boot = :boot",
            digest=bytes.fromhex(before.digest[7:]),
            writer=before.record.writer,
            boot=before.record.boot,
        )

    def held(self, leaves: Leaves = Leaves.WITHOUT) -> list[HeldFile]:
        """Every checkpoint that there is now, held outside."""
        files = []
        for known in self.ledger.known(after=0, limit=1000):
            checkpoint = known.read()
            batch = checkpoint.statement.batch
            digests = b"".join(self.ledger.digests(low=batch.low, high=batch.high)) if leaves is Leaves.WITH else None
            files.append(held_file(Held(checkpoint, digests)))
        return files

    def verify(self, held: Sequence[HeldFile] = (), trusted: Sequence[KeyPair] = (KEY,)) -> Report:
        with self.reader.transaction(Hold.NOTHING) as connection:
            keys = {key.public.id: key.public for key in trusted}
            return Verification(LogSnapshot(connection), trusted=keys, held=held).run()

    def damage(self, held: Sequence[HeldFile] = (), trusted: Sequence[KeyPair] = (KEY,)) -> set[Damage]:
        return set(self.verify(held, trusted).findings.counts)

    def checkpoints(self) -> list[Checkpoint]:
        return [known.read() for known in self.ledger.known(after=0, limit=1000)]


def held_file(held: Held) -> HeldFile:
    raw = held.to_json()
    return HeldFile(f"held-{held.number}", lambda: raw)


def altered(sealed: Sealed, **changes: Any) -> Sealed:
    """Another record in its place."""
    changed: Sealed = seal(msgspec.structs.replace(sealed.record, **changes))
    assert changed.digest == digest_of(changed.content) != sealed.digest
    return changed
