"""`toolgate log migrate`: a log of an older version becomes one of this version's."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.audit.location import log_address, migrate_log
from pdp.audit.migrate import Converted
from pdp.audit.versions import HEAD
from pdp.cli.config import ConfigOption
from pdp.cli.terminal import visible
from pdp.core.settings.decision_point import LogSettings
from pdp.core.settings.load import read_settings

_CLEAR: Final = "\r\x1b[K"


def migrate(
    *,
    log_url: Annotated[str | None, typer.Option("--log-url", help="The log, instead of the configured one.")] = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Convert a decision log that an older version wrote; no record is lost, and none changes."""
    if log_url is None:
        log, base = read_settings(config, environ=os.environ).settings.pdp.log, config.parent  # noqa: TID251 - the edge
    else:
        log, base = LogSettings(url=log_url), Path()
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
