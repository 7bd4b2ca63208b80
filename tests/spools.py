"""Whether all that was answered for has come to the log, by the files of the spools."""

import time
from pathlib import Path

import msgspec

from pdp.spool.frame import frame_at
from pdp.spool.slot import Cursor

DEADLINE = 60.0


def is_delivered(slot: Path) -> bool:
    """Whether nothing waits in `slot`."""
    try:
        segments = [(path, path.stat().st_size) for path in slot.glob("0*.log")]
        newest, size = max(segments, default=(None, 0))
        if newest is None or not size:
            return True
        found = frame_at((slot / "cursor").read_bytes(), 0)
    except FileNotFoundError:
        return False
    if found is None:
        return False
    cursor = msgspec.json.decode(found.content, type=Cursor)
    return (cursor.segment, cursor.offset) == (int(newest.stem), size)


def wait_until_delivered(folder: Path) -> None:
    """Return once nothing waits in any spool below `folder`."""
    deadline = time.monotonic() + DEADLINE
    while waiting := [path for path in folder.rglob("spool/*/[0-9]*") if path.is_dir() and not is_delivered(path)]:
        assert time.monotonic() < deadline, waiting
        time.sleep(0.01)
