"""The store of the log in a process of its own, so that writing to a database keeps nobody from deciding."""

import os
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from pdp.audit.location import open_store
from pdp.audit.store import Announcement, Kept, RecordUnfitError, StoreUnavailableError
from pdp.audit.store_process import COMMAND
from pdp.audit.store_wire import Announce, Append, Done, Open, Probe, Question, Unavailable, Unfit, read_reply, send
from pdp.core.contract.sealed import Sealed
from pdp.core.settings.decision_point import LogSettings

PATIENCE: Final = 30.0
"""Seconds beside the log's own timeouts after which the process counts as hung, and is replaced."""


class ProcessStore:
    """Fills the port `RecordStore` for the log of `settings`; the process is started when it is needed, and again.

    Raises:
        UnusableError: the log cannot be opened.

    """

    def __init__(self, settings: LogSettings, *, base: Path, command: Sequence[str] = COMMAND) -> None:
        # What is wrong with the log is told at the start, not with the first record.
        open_store(settings, base=base).close()
        self._open = Open.of(settings, base=base)
        self._timeout = PATIENCE + settings.connect_timeout + settings.lock_timeout + settings.statement_timeout
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process, None while there is none."""
        return None if self._process is None else self._process.pid

    def append(self, records: Sequence[Sealed]) -> list[Kept]:
        """Commit all of `records`, or none and raise; it raises in doubt too, and repeating is safe."""
        done = self._ask(Append([sealed.content for sealed in records]))
        return [Kept(keeping, fault) for keeping, fault in done.kept]

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Commit what writers said they have."""
        self._ask(Announce(list(announcements)))

    def probe(self) -> None:
        """Commit a write that is no record."""
        self._ask(Probe())

    def close(self) -> None:
        """Let the process end; it has nothing to do any more."""
        process, self._process = self._process, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if process is not None:
            try:
                process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _ask(self, question: Question) -> Done:
        connection = self._connection or self._start()
        reply = self._exchange(connection, question)
        match reply:
            case Done():
                return reply
            case Unfit(text):
                raise RecordUnfitError(text)
            case Unavailable(text):
                raise StoreUnavailableError(text)

    def _exchange(self, connection: socket.socket, question: Question) -> Done | Unfit | Unavailable:
        try:
            send(connection, question)
            return read_reply(connection)
        except (OSError, msgspec.MsgspecError) as error:
            self._end()
            text = "the process that writes the decision log"
            if isinstance(error, TimeoutError):
                raise StoreUnavailableError(f"{text} has not answered for {self._timeout:g} s") from error
            raise StoreUnavailableError(f"{text} has ended; another one is started") from error

    def _start(self) -> socket.socket:
        here, there = socket.socketpair()
        here.settimeout(self._timeout)
        with there:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own program, and no input in it
                    self._command, stdin=there.fileno(), stdout=subprocess.DEVNULL, cwd=os.sep
                )
            except OSError as error:
                here.close()
                raise StoreUnavailableError(f"no process can be started: {error.strerror}") from error
        self._connection = here
        opened = self._exchange(here, self._open)
        if isinstance(opened, Unavailable):
            self._end()
            raise StoreUnavailableError(opened.text)
        return here

    def _end(self) -> None:
        """Let go of a process that is of no use."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
