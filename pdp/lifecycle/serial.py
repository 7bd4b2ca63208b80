"""Serials: the same content keeps its serial across restarts, other content gets a higher one."""

import os
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from pdp.core.contract.errors import ConfigurationError, Problem

_FILE: Final = "serial.json"


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    serial: int
    digest: str


class SerialRegister:
    """Remembers the newest serial in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / _FILE

    def serial_of(self, digest: str) -> int:
        """The serial of the bundle with that digest; a new digest gets the next one, on disk before it is used.

        Raises:
            ConfigurationError: the register cannot be read or written.

        """
        try:
            state = self._read()
            if state is not None and state.digest == digest:
                return state.serial
            fresh = _State(1 if state is None else state.serial + 1, digest)
            self._write(fresh)
        except (OSError, msgspec.MsgspecError) as error:
            problem = Problem(str(self._file), 0, 0, "state_unusable", f"the serial register cannot be used: {error}")
            raise ConfigurationError([problem]) from error
        return fresh.serial

    def _read(self) -> _State | None:
        if not self._file.exists():
            return None
        return msgspec.json.decode(self._file.read_bytes(), type=_State)

    def _write(self, state: _State) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._file.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self._file)
