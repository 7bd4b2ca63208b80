"""Makes checkpoints: covers the records above the last one, in the order of their positions."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.audit.evidence.batch import Gathering
from pdp.audit.evidence.checkpoint import Checkpoint, Trusted, signed
from pdp.audit.evidence.examination import Examination, RefusedError
from pdp.audit.evidence.ledger import Ledger, TakenError
from pdp.audit.evidence.merkle import CompactRange
from pdp.audit.evidence.remembered import Remembered, Seen
from pdp.audit.evidence.statement import EvidenceError, History, Statement, follow
from pdp.core.bundle.key import KeyPair
from pdp.core.contract.clock import Clock
from pdp.core.contract.identifier import rfc3339, unix_seconds

PAGE: Final = 100
"""Records between two pauses: hashing them must not keep decisions of the same process waiting."""


class Care(StrEnum):
    """Whether records that were altered after they came are signed, as faults, or refused."""

    STRICT = "strict"
    AS_IS = "as_is"


@dataclass(frozen=True, slots=True)
class CheckpointRules:
    """A checkpoint has at most `every` records; times are seconds.

    One is made when there are so many, when there is any record and `interval` has passed since the one before, and
    when `silence` has passed without one.
    """

    every: int = 10_000
    interval: float = 60.0
    silence: float = 3600.0


@dataclass(frozen=True, slots=True)
class CheckpointerState:
    """How it is: the newest checkpoint (0 for none), when it was made, and why none can be made now."""

    number: int = 0
    records: int = 0
    made: str | None = None
    refused: str | None = None


class Checkpointer:
    """Signs with `key`; believes what keys in `trusted` have signed, of which that is one.

    Blocks, and belongs to one thread; `state` may be read from any. `pause` is called between pages.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        key: KeyPair,
        trusted: Trusted,
        remembered: Remembered,
        rules: CheckpointRules,
        clock: Clock,
        log: FilteringBoundLogger,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._key = key
        self._trusted = {**trusted, key.public.id: key.public}
        self._remembered = remembered
        self._rules = rules
        self._clock = clock
        self._log = log
        self._pause = pause
        self._id: str | None = None
        self._newest: Checkpoint | None = None
        self._seen_at: float | None = None
        self.state = CheckpointerState()

    def make_due(self) -> int:
        """Make what is due, and say how many checkpoints that was.

        Raises:
            EvidenceError: what is there must not be signed.
            StoreUnavailableError: the log cannot be read or written now.

        """
        newest = self._look()
        reached = 0 if newest is None else newest.statement.batch.high
        waiting = self._ledger.waiting(after=reached, limit=self._rules.every)
        age = self._age()
        if waiting < self._rules.every and age < (self._rules.interval if waiting else self._rules.silence):
            return 0
        return self._cover(newest, Care.STRICT)

    def make(self, care: Care = Care.STRICT) -> int:
        """Cover what there is now, at least by an empty checkpoint, and say how many that was.

        Raises:
            EvidenceError: what is there must not be signed.
            StoreUnavailableError: the log cannot be read or written now.

        """
        return self._cover(self._look(), care)

    def refuse(self, cause: str) -> None:
        """Have `state` say why there is no further checkpoint; once one is made, it says so no more."""
        if self.state.refused != cause:
            self._log.critical("log_checkpoint_refused", cause=cause)
        state = self.state
        self.state = CheckpointerState(state.number, state.records, state.made, cause)

    def _cover(self, newest: Checkpoint | None, care: Care) -> int:
        """(1) Fix how far; (2) read; (3) sign; (4) commit, or leave it to whoever was first."""
        upto, made = self._ledger.settled(), 0
        while True:
            examined = self._gather(newest, upto, care)
            checkpoint = self._sign(newest, examined)
            try:
                self._ledger.keep(checkpoint)
            except TakenError:
                return made
            self._take(checkpoint)
            made, newest = made + 1, checkpoint
            if examined.faults:
                self._log.critical(
                    "log_checkpoint_faults",
                    number=checkpoint.statement.number,
                    records=examined.faults,
                    position=examined.first_fault,
                )
            if checkpoint.statement.batch.high >= upto or checkpoint.statement.batch.count < self._rules.every:
                return made

    def _gather(self, newest: Checkpoint | None, upto: int, care: Care) -> Examination:
        first, reached = (0, 0) if newest is None else (newest.statement.records, newest.statement.batch.high)
        examined = Examination(Gathering(first=first, reached=reached))
        take = examined.take if care is Care.STRICT else examined.take_as_is
        gathering = examined.gathering
        while gathering.count < self._rules.every:
            wanted = min(PAGE, self._rules.every - gathering.count)
            page = self._ledger.page(after=gathering.high, upto=upto, limit=wanted)
            for leaf in page:
                take(leaf)
            if len(page) < wanted:
                break
            self._pause()
        examined.finish(lambda names: self._ledger.preceding(names, below=gathering.low))
        return examined

    def _sign(self, newest: Checkpoint | None, examined: Examination) -> Checkpoint:
        batch = examined.gathering.batch()
        tree = CompactRange() if newest is None else newest.statement.history.tree()
        tree.add(batch.leaf())
        statement = Statement(
            log=self._log_id(),
            number=tree.size,
            time=rfc3339(self._clock.wall()),
            batch=batch,
            records=batch.first + batch.count,
            history=History.of(tree),
            previous=None if newest is None else newest.digest,
            heads=examined.gathering.heads(),
            faults=examined.faults,
        )
        follow(
            None if newest is None else newest.statement,
            statement,
            previous=None if newest is None else newest.digest,
        )
        return signed(statement, key=self._key)

    def _look(self) -> Checkpoint | None:
        """The newest checkpoint, which is ours or another decision point's, and not older than what was seen."""
        known = self._ledger.newest()
        if known is None:
            self._check_remembered(None)
            return None
        try:
            checkpoint = known.read()
            checkpoint.signer(self._trusted)
        except EvidenceError as error:
            raise RefusedError(f"checkpoint {known.number} of the log: {error}") from error
        if self._newest is None or checkpoint.digest != self._newest.digest:
            self._check(checkpoint)
            self._take(checkpoint)
        return checkpoint

    def _check(self, checkpoint: Checkpoint) -> None:
        if checkpoint.statement.log != self._log_id():
            raise RefusedError(f"checkpoint {checkpoint.statement.number} is of another log")
        self._check_remembered(checkpoint)

    def _check_remembered(self, newest: Checkpoint | None) -> None:
        seen = self._remembered.read()
        if seen is None or seen.log != self._log_id():
            return
        number = 0 if newest is None else newest.statement.number
        held = next(iter(self._ledger.known(after=seen.number - 1, limit=1)), None) if seen.number <= number else None
        if held is None or held.number != seen.number:
            text = f"the log ends at checkpoint {number}, and had checkpoint {seen.number} already"
        elif held.read().digest != seen.digest:
            text = f"checkpoint {seen.number} is not the one that was seen before"
        else:
            return
        raise RefusedError(f"{text}: restore the log, or begin again after it by removing `{self._remembered.path}`")

    def _take(self, checkpoint: Checkpoint) -> None:
        """`checkpoint` is the newest from now on."""
        statement = checkpoint.statement
        self._remembered.write(Seen(statement.log, statement.number, checkpoint.digest))
        # What was there at the start is as old as it says; what comes later is new now, by a clock that never steps.
        ago = self._clock.wall() - unix_seconds(statement.time) if self._newest is None else 0.0
        self._seen_at = self._clock.steady() - max(0.0, ago)
        self._newest = checkpoint
        self.state = CheckpointerState(statement.number, statement.records, statement.time)

    def _age(self) -> float:
        """Seconds since the newest checkpoint; of none, more than any bound."""
        return float("inf") if self._seen_at is None else self._clock.steady() - self._seen_at

    def _log_id(self) -> str:
        if self._id is None:
            self._id = self._ledger.log()
        return self._id
