"""The process that writes the log: does what another process asks over its standard input, until that is gone.

A process of its own, since whoever decides computes all the time: a database's driver lets other threads run at
every row and then waits its turn, so a thread would get to a few hundred rows a second.
"""

import os
import signal
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from pdp.audit.location import open_store
from pdp.audit.store import RecordStore, RecordUnfitError, StoreUnavailableError
from pdp.audit.store_wire import Announce, Append, Done, Open, Probe, Question, Reply, Unavailable, Unfit, send
from pdp.audit.store_wire import read_question as read
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.sealed import unread

COMMAND: Final = (sys.executable, "-P", "-c", "from pdp.audit.store_process import main; main()")

_IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that are sent to all of a group or a service: it ends with the process that asks, and after it."""
_NICE: Final = 5
"""Records can wait in spools, decisions cannot."""


def main() -> None:
    """Serve the socket that is standard input."""
    for one in _IGNORED:
        signal.signal(one, signal.SIG_IGN)
    os.nice(_NICE)
    with socket.socket(fileno=sys.stdin.fileno()) as connection, suppress(OSError):
        serve(connection)


def serve(connection: socket.socket) -> None:
    """Answer questions until the other side is gone; the first one names the log.

    Raises:
        OSError: answers cannot be given any more.

    """
    opened = read(connection)
    if not isinstance(opened, Open):
        return
    try:
        store = open_store(opened.settings(), base=Path(opened.base))
    except UnusableError as error:
        send(connection, Unavailable(str(error)))
        return
    with closing(store):
        send(connection, Done())
        while (question := read(connection)) is not None:
            send(connection, reply_to(store, question))


def reply_to(store: RecordStore, question: Question) -> Reply:
    """What comes of `question`; an error that nobody has named is the process's end."""
    try:
        return _done(store, question)
    except RecordUnfitError as error:
        return Unfit(str(error))
    except StoreUnavailableError as error:
        return Unavailable(str(error))


def _done(store: RecordStore, question: Question) -> Done:
    match question:
        case Append(contents):
            return Done([(kept.keeping, kept.fault) for kept in store.append([unread(one) for one in contents])])
        case Announce(announcements):
            store.announce(announcements)
        case Probe():
            store.probe()
        case Open():
            raise RecordUnfitError("a log is opened once")
    return Done()
