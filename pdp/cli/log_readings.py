"""`toolgate log readings`: who asked the log for what."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.text import Text

from pdp.audit.location import open_reader
from pdp.audit.query import DEFAULT_LIMIT
from pdp.audit.readings import ReadingQuery
from pdp.cli.config import ConfigOption
from pdp.cli.log import (
    JsonOption,
    LimitOption,
    SinceOption,
    UntilOption,
    asked_by,
    instant_of,
    note_extent,
)
from pdp.cli.log_account import UnrecordedOption, record_reading, unrecorded_of
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.log_view import Output, cell, json_of, print_rows
from pdp.core.contract.record import ReadingRecord

COLUMNS: Final = (("time", 24), ("reader", 32), ("command", 12), ("found", 8), ("asked", 80))


def readings(
    *,
    reader: Annotated[str | None, typer.Option(help="Who: `alice@host`, or `alice` on any host.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
    unsafe_unrecorded: UnrecordedOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Show who asked the log for what, oldest first; that is a reading too.

    Example: toolgate log readings --reader alice --since 24h
    """
    now = time.time()  # noqa: TID251 - the edge
    wanted = ReadingQuery(
        reader, instant_of(since, "--since", now=now), instant_of(until, "--until", now=now), limit=limit
    )
    place = place_of(log_url, config)
    found = open_reader(place.log, base=place.base).readings(replace(wanted, limit=limit + 1))
    shown, unrecorded = min(len(found), limit), unrecorded_of(unsafe_unrecorded)
    record_reading(place, "log readings", asked_by(wanted), found=shown, unrecorded=unrecorded)
    if as_json:
        sys.stdout.writelines(json_of(msgspec.to_builtins(record)) + "\n" for record in found[-limit:])
    elif found:
        print_rows(COLUMNS, map(_cells, found[-limit:]), Output.TABLE, stream=sys.stdout)
    note_extent(len(found), limit, none="no reading matches")


def _cells(record: ReadingRecord) -> Sequence[Text]:
    asked = ", ".join(f"{name}={value}" for name, value in record.asked.items())
    found = None if record.found is None else str(record.found)
    return [cell(value) for value in (record.time, record.reader, record.command, found, asked)]
