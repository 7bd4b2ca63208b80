"""The port to places outside the log that hold checkpoints, and how each of them gets all of them in order."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from pdp.audit.evidence.held import Held
from pdp.audit.evidence.ledger import Known, Ledger
from pdp.audit.evidence.merkle import leaf_hash, root_of
from pdp.audit.evidence.statement import EvidenceError, hash_text
from pdp.audit.store import StoreUnavailableError
from pdp.core.contract.errors import ToolgateError

FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 300.0
_AT_ONCE: Final = 50


class ExportError(ToolgateError):
    """A place outside does not take a checkpoint now; the message has no secrets."""


class Leaves(StrEnum):
    """Whether the digests of the records go along."""

    WITHOUT = "without"
    WITH = "with"


class CheckpointExport(Protocol):
    """A place outside; its methods block, and are called by one thread."""

    @property
    def target(self) -> str:
        """What it is called in the log, in metrics and in health: without credentials."""
        ...

    def publish(self, held: Held) -> None:
        """Return once it has `held`; it may have it already.

        Raises:
            ExportError: it does not have it.

        """
        ...


@dataclass(frozen=True, slots=True)
class ExportState:
    """How it is with one place: the last checkpoint that it has, and why it did not take the next."""

    target: str
    number: int = 0
    last_error: str | None = None


class Exporter:
    """Gives `export` one checkpoint after the other; after a failure it waits, twice as long each time.

    Blocks, and belongs to one thread; `state` may be read from any.
    """

    def __init__(
        self,
        export: CheckpointExport,
        ledger: Ledger,
        *,
        leaves: Leaves,
        log: FilteringBoundLogger,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._export = export
        self._ledger = ledger
        self._leaves = leaves
        self._log = log
        self._is_stopping = is_stopping
        self._wait = 0.0
        self.state = ExportState(export.target)

    def push(self) -> float:
        """Give it what it has not got, and say how many seconds to wait before it is tried again; 0 for no reason."""
        try:
            self._push()
        except (ExportError, EvidenceError, StoreUnavailableError) as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - the thread's outermost edge: other places go on
            self._failed(f"internal error: {type(error).__name__}")
        else:
            self._wait = 0.0
        return self._wait

    def _push(self) -> None:
        target = self._export.target
        number, newest = self._ledger.exported(target), self._ledger.newest()
        if number > (0 if newest is None else newest.number):
            # Somebody wrote that, to keep it from getting any; what it has, it takes again.
            self._log.critical("log_export_progress_altered", target=target, number=number)
            number = 0
        self.state = ExportState(target, number, self.state.last_error)
        while known := self._ledger.known(after=number, limit=_AT_ONCE):
            for one in known:
                if self._is_stopping():
                    return
                self._export.publish(self._held(one))
                number = one.number
                self._ledger.note_exported(target, number)
                self.state = ExportState(target, number)
        self.state = ExportState(target, number)

    def _held(self, known: Known) -> Held:
        checkpoint = known.read()
        batch = checkpoint.statement.batch
        if self._leaves is Leaves.WITHOUT or batch.count == 0:
            return Held(checkpoint)
        digests = self._ledger.digests(low=batch.low, high=batch.high)
        if len(digests) != batch.count:  # they went to an archive meanwhile, or away
            return Held(checkpoint)
        if hash_text(root_of(map(leaf_hash, digests))) != batch.root:
            self._log.critical("log_checkpoint_differs", number=known.number)
            return Held(checkpoint)
        return Held(checkpoint, b"".join(digests))

    def _failed(self, cause: str) -> None:
        self._wait = min(LONGEST_WAIT, max(FIRST_WAIT, 2 * self._wait))
        if self.state.last_error != cause:
            self._log.error("log_checkpoint_export_failed", target=self._export.target, cause=cause)
        self.state = ExportState(self.state.target, self.state.number, cause)
