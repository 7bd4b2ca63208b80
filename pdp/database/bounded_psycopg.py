"""A connection to PostgreSQL that gives up on a server that does not answer at all."""

import time
from collections.abc import Generator
from typing import Any, Final

import psycopg
from psycopg import waiting

_LOOK_SECONDS: Final = 0.5


class BoundedConnection(psycopg.Connection[Any]):
    """Waits for `longest_wait` seconds at most; the server's own timeouts, which are shorter, say more."""

    longest_wait: float = 60.0

    def wait(self, gen: Generator[Any, Any, Any], interval: float = _LOOK_SECONDS, timeout: float | None = None) -> Any:
        """What `gen` comes to.

        Raises:
            psycopg.OperationalError: the server does not answer; the connection is closed.

        """
        return super().wait(self._bounded(gen), interval, timeout)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        deadline = time.monotonic() + self.longest_wait
        ready = None
        while True:
            try:
                state = gen.send(ready)
            except StopIteration as ended:
                return ended.value
            ready = yield state
            if ready == waiting.Ready.NONE and time.monotonic() > deadline:
                self.pgconn.finish()
                raise psycopg.OperationalError(f"the server has not answered for {self.longest_wait} s")
