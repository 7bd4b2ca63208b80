"""What keeps checkpoints coming beside decisions: a thread that makes them, and one for each place outside."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from pdp.audit.evidence.checkpointer import Checkpointer
from pdp.audit.evidence.export import Exporter
from pdp.audit.store import StoreUnavailableError
from pdp.core.contract.errors import ToolgateError

POLL_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 10.0
"""After a refusal, which costs as much as a checkpoint, or while the log cannot be read."""
PAUSE_SECONDS: Final = 0.002


class Stop:
    """Says to threads that they are to end; waits no longer than that."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def is_set(self) -> bool:
        """Whether they are to end."""
        return self._event.is_set()

    def set(self) -> None:
        """Have them end."""
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until they are to end."""
        self._event.wait(seconds)

    def pause(self) -> None:
        """Let others run.

        Raises:
            StoppedError: it is time to end.

        """
        if self._event.wait(PAUSE_SECONDS):
            raise StoppedError


class StoppedError(Exception):
    """Work was left undone, since it is time to end."""


@dataclass(frozen=True, slots=True)
class CheckpointService:
    """Runs `checkpointer` and `exporters` from `watch` until that is cancelled; `stop` is theirs, too."""

    checkpointer: Checkpointer
    exporters: Sequence[Exporter]
    stop: Stop
    on_close: Callable[[], None]
    log: FilteringBoundLogger
    poll: float = POLL_SECONDS
    again: float = AGAIN_SECONDS

    async def watch(self) -> None:
        """Keep them going until cancelled; returns once their threads have ended."""
        threads = [threading.Thread(target=self._make, name="toolgate-checkpoints", daemon=True)]
        threads += [
            threading.Thread(target=self._give, args=(one,), name="toolgate-export", daemon=True)
            for one in self.exporters
        ]
        for thread in threads:
            thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            self.stop.set()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            self.on_close()

    def standing(self) -> dict[str, Any]:
        """How it is, for `/readyz`."""
        state = self.checkpointer.state
        return {
            "number": state.number,
            "records": state.records,
            "made": state.made,
            "refused": state.refused,
            "exports": [
                {
                    "target": one.state.target,
                    "number": one.state.number,
                    "behind": max(0, state.number - one.state.number),
                    "error": one.state.last_error,
                }
                for one in self.exporters
            ],
        }

    def _make(self) -> None:
        while not self.stop.is_set():
            wait = self.again
            try:
                self.checkpointer.make_due()
                wait = self.poll
            except StoppedError:
                return
            except StoreUnavailableError as error:
                self.log.warning("log_checkpoint_delayed", cause=str(error))
            except ToolgateError as error:
                self.checkpointer.refuse(str(error))
            except Exception as error:  # noqa: BLE001 - the thread's outermost edge: it must go on
                self.checkpointer.refuse(f"internal error: {type(error).__name__}")
            self.stop.wait(wait)

    def _give(self, exporter: Exporter) -> None:
        while not self.stop.is_set():
            self.stop.wait(max(self.poll, exporter.push()))
