"""`toolgate log writers`: who writes the log, and which of their records have not come."""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from pdp.audit.location import open_reader
from pdp.audit.store import Run
from pdp.cli.config import ConfigOption
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.log_view import Output, json_of, print_rows
from pdp.cli.terminal import visible
from pdp.core.contract.identifier import rfc3339

COLUMNS: Final = (("writer", 24), ("boot", 36), ("last", 12), ("missing", 12), ("behind", 12), ("heard", 24))


def writers(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Show each run of each writer, and how many of its records have not come.

    Exit code 1 says that records are missing between those that came.
    """
    place = place_of(log_url, config)
    with closing(open_reader(place.log, base=place.base)) as reader:
        runs = reader.runs()
    if as_json:
        sys.stdout.writelines(json_of(_members(run)) + "\n" for run in runs)
    elif runs:
        print_rows(COLUMNS, map(_cells, runs), Output.TABLE, stream=sys.stdout)
    else:
        sys.stderr.write("nobody has written to this log\n")
    if any(run.missing for run in runs):
        sys.stderr.write("records are missing: they may still be in the spools of their writers\n")
        raise typer.Exit(1)


def _members(run: Run) -> dict[str, str | int | None]:
    return asdict(run) | {"missing": run.missing, "behind": run.behind, "heard": _heard(run)}


def _cells(run: Run) -> Sequence[Text]:
    cells = (run.writer, run.boot, run.sequence, run.missing, run.behind, _heard(run) or "-")
    return [Text(visible(str(cell))) for cell in cells]


def _heard(run: Run) -> str | None:
    return None if run.heard is None else rfc3339(run.heard / 1000)
