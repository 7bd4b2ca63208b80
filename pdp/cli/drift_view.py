"""How changes of tools look on a terminal."""

from collections.abc import Sequence
from typing import Final, TextIO

import msgspec
from rich.text import Text

from pdp.cli.log_view import Output, cell, json_of, print_rows
from pdp.core.contract.record import DriftRecord
from pdp.core.contract.record_terms import DriftState

COLUMNS: Final = (
    ("time", 24),
    ("state", 10),
    ("tool", 40),
    ("twin of", 32),
    ("approved", 20),
    ("offered", 20),
    ("writer", 16),
)

_SHOWN_OF_DIGEST: Final = 19


def print_drifts(found: Sequence[DriftRecord], output: Output, *, stream: TextIO) -> None:
    """Print `found` to `stream` at once; the table has the beginnings of digests, JSON has them whole."""
    if output is Output.JSON:
        stream.writelines(json_of(msgspec.to_builtins(record)) + "\n" for record in found)
    elif found:
        print_rows(COLUMNS, map(_cells, found), output, stream=stream)
    stream.flush()


def _cells(record: DriftRecord) -> Sequence[Text]:
    tool = f"{record.server}/{record.tool}" if record.tool is not None else f"{record.server}: {record.count} more"
    values = (record.time, record.state.value, tool, record.twin, _cut(record.approved), _cut(record.offered))
    cells = [cell(value) for value in (*values, record.writer)]
    cells[1].stylize("green" if record.state is DriftState.APPROVED else "red")
    return cells


def _cut(digest: str | None) -> str | None:
    return None if digest is None else digest[:_SHOWN_OF_DIGEST]
