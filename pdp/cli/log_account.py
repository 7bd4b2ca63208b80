"""Who reads the log leaves a record in it, before anything is shown."""

import os
import pwd
import socket
import sys
from collections.abc import Mapping
from contextlib import closing
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.audit.location import open_store
from pdp.audit.readings import Readings
from pdp.audit.store import RecordUnfitError, StoreUnavailableError
from pdp.cli.log_place import LogPlace
from pdp.core.contract.errors import UnusableError
from pdp.server.clock import system_clock

_LOGIN: Final = Path("/proc/self/loginuid")
_NOBODY: Final = 2**32 - 1
"""What the kernel says where nobody logged in."""


class Unrecorded(StrEnum):
    """What becomes of a reading that cannot be recorded."""

    REFUSED = "refused"
    UNSAFE = "unsafe"
    """It is given all the same, and that is said."""


UnrecordedOption = Annotated[
    bool, typer.Option("--unsafe-unrecorded", help="Read also where that cannot be recorded, as in a replica.")
]


def unrecorded_of(option: object) -> Unrecorded:
    """What `--unsafe-unrecorded` asks for."""
    return Unrecorded.UNSAFE if option else Unrecorded.REFUSED


def record_reading(
    place: LogPlace,
    command: str,
    asked: Mapping[str, str | int | bool | None],
    *,
    found: int | None,
    unrecorded: Unrecorded,
) -> None:
    """Commit in the log at `place` that `command` is about to show `found` records.

    What is None in `asked` was not asked for.

    Raises:
        UnusableError: that is not possible, and `unrecorded` does not let it pass.

    """
    try:
        with closing(open_store(place.log, base=place.base)) as store:
            said = {name: value for name, value in asked.items() if value is not None}
            Readings(store, reader=reader(), clock=system_clock()).record(command, said, found=found)
    except (StoreUnavailableError, RecordUnfitError, UnusableError) as error:
        if unrecorded is Unrecorded.REFUSED:
            text = f"who reads the log is recorded in it, and that is not possible: {error}"
            raise UnusableError(f"{text}; with --unsafe-unrecorded it is read without") from error
        sys.stderr.write(f"unsafe: this reading is not recorded: {error}\n")


@cache
def reader() -> str:
    """Who runs this process, as `alice@host`; behind another user's rights, who logged in."""
    user = _name(os.getuid())
    login = _login() or os.environ.get("SUDO_USER")  # noqa: TID251 - the edge
    host = f"{user}@{socket.gethostname()}"
    return host if login in {None, "", user} else f"{host} (login {login})"


def _login() -> str | None:
    """Who logged in to the session that this process is part of; the kernel keeps it through `sudo` and `su`."""
    try:
        number = int(_LOGIN.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if number == _NOBODY else _name(number)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
