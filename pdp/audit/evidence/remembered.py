"""The newest checkpoint that this decision point has seen, in a file: a log that was rolled back has an older one."""

from pathlib import Path
from typing import Final

import msgspec

from pdp.core.contract.errors import UnusableError
from pdp.hosting.whole_file import write_whole

_MAX_BYTES: Final = 4096


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Number and digest of a checkpoint of the log `log`."""

    log: str
    number: int
    digest: str


class Remembered:
    """What was seen last, in the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._path

    def read(self) -> Seen | None:
        """What was seen last, None where nothing was.

        Raises:
            UnusableError: the file cannot be read.

        """
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(_MAX_BYTES), type=Seen)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            text = f"`{self._path}` does not say which checkpoint was seen last: look at the log, then remove the file"
            raise UnusableError(text) from error

    def write(self, seen: Seen) -> None:
        """Remember `seen`, on disk before this returns.

        Raises:
            UnusableError: that is not possible.

        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, msgspec.json.encode(seen))
        except OSError as error:
            raise UnusableError(f"`{self._path}` cannot be written: {error.strerror}") from error
