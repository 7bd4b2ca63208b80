"""`toolgate log migrate`: a log of an older version becomes one of this version's."""

import sys
from pathlib import Path
from typing import Final

from pdp.audit.location import log_address, migrate_log
from pdp.audit.migrate import Converted
from pdp.audit.versions import HEAD
from pdp.cli.config import ConfigOption
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.terminal import visible

_CLEAR: Final = "\r\x1b[K"


def migrate(
    *,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Convert a decision log that an older version wrote; no record is lost, and none changes."""
    log, base = place_of(log_url, config)
    show = _show if sys.stderr.isatty() else None
    before, converted = migrate_log(log, base=base, progress=show)
    place = visible(log_address(log.url, base=base).shown)
    if before == HEAD:
        sys.stdout.write(f"`{place}` has version {int(HEAD)} already\n")
        return
    sys.stdout.write(f"`{place}` had version {int(before)}, it has version {int(HEAD)} now: {_what(converted)}\n")


def _what(converted: Converted) -> str:
    text = f"{converted.done} records and {converted.conflicts} conflicts were converted"
    if not converted.altered:
        return text
    return f"{text}; {converted.altered} had been altered before, see `toolgate log verify`"


def _show(converted: Converted) -> None:
    """One line of standard error, written over until everything is done."""
    is_done = converted.done == converted.total
    sys.stderr.write(_CLEAR if is_done else f"{_CLEAR}{converted.done} of {converted.total} records")
    sys.stderr.flush()
