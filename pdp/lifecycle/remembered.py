"""What a publisher remembers: the newest bundle of each head, so that no channel can show it an older one as that."""

from pathlib import Path

import msgspec

from pdp.core.bundle.admission import Newest
from pdp.core.bundle.manifest import Manifest
from pdp.core.contract.errors import UnusableError
from pdp.hosting.whole_file import write_whole


class Remembered:
    """Remembers in `file`, which is made when there is something to remember; without one, as long as the process runs.

    Raises:
        UnusableError: what is in the file was not written by this program.

    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._newest = {} if file is None else _read(file)

    def serial(self, name: str) -> int:
        """The serial of the newest bundle of the head `name`, 0 before the first."""
        return self._newest.get(name, Newest()).serial

    def check(self, name: str, manifest: Manifest) -> None:
        """Pass what is the newest of the head `name`, or came after it.

        Raises:
            BundleError: `bundle_untrusted`, it is older, or another one with the same serial.

        """
        self._newest.get(name, Newest()).check(manifest.serial, manifest.digest)

    def keep(self, name: str, manifest: Manifest) -> None:
        """Remember `manifest` as the newest of the head `name`.

        Raises:
            UnusableError: the file cannot be written.

        """
        self._newest[name] = Newest(manifest.serial, manifest.digest)
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._file, msgspec.json.encode(self._newest))
        except OSError as error:
            raise UnusableError(f"`{self._file}` cannot be written: {error.strerror}") from error


def _read(file: Path) -> dict[str, Newest]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Newest])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnusableError(f"`{file}` cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnusableError(f"`{file}` does not hold what was signed here: {error}") from error
