"""How entries of the decision log look on a terminal; nothing in a record can act on it."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pdp.audit.query import Entry
from pdp.cli.terminal import visible
from pdp.core.contract.record import DecisionRecord
from pdp.core.contract.record_terms import Effect


class Output(StrEnum):
    """How entries are printed: as a table, as rows that go on with one, or as JSON lines."""

    TABLE = "table"
    ROWS = "rows"
    JSON = "json"


COLUMNS: Final = (
    ("time", 24),
    ("decision", 8),
    ("reason", 19),
    ("principal", 20),
    ("actor", 16),
    ("tool", 24),
    ("policies", 24),
    ("outcome", 10),
    ("latency", 9),
)
WIDE: Final = 200
"""Columns of a table that goes into a file or a pipe."""

_ABSENT: Final = "-"
_MICROSECONDS: Final = 1_000_000
_JSON_UNSAFE: Final = re.compile(r"[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def print_entries(entries: Sequence[Entry], output: Output, *, stream: TextIO) -> None:
    """Print `entries` to `stream` at once."""
    if output is Output.JSON:
        stream.writelines(json_line(entry) + "\n" for entry in entries)
    elif entries:
        _print_table(entries, output, stream)
    stream.flush()


def _print_table(entries: Iterable[Entry], output: Output, stream: TextIO) -> None:
    """One row for each of `entries`."""
    print_rows(COLUMNS, map(_cells, entries), output, stream=stream)


def print_rows(
    columns: Iterable[tuple[str, int]], rows: Iterable[Sequence[Text]], output: Output, *, stream: TextIO
) -> None:
    """Print `rows` under `columns` (name and most characters); long values are folded, never cut."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=stream, highlight=False, markup=False, emoji=False, width=WIDE, no_color=True)
    table = Table(box=None, show_header=output is Output.TABLE, pad_edge=False)
    for name, width in columns:
        table.add_column(name, overflow="fold", min_width=min(width, 8), max_width=width)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def json_line(entry: Entry) -> str:
    """The decision with its outcome in it (null without one), and every outcome where there are several."""
    plain: dict[str, Any] = msgspec.to_builtins(entry.decision)
    outcomes = [msgspec.to_builtins(outcome) for outcome in entry.outcomes]
    plain["outcome"] = outcomes[0] if outcomes else None
    if len(outcomes) > 1:
        plain["outcomes"] = outcomes
    return json_of(plain)


def json_of(plain: Any) -> str:
    """`plain` as JSON that nothing in it can act with on a terminal."""
    # JSON escapes what is below a space; the rest of what can act on a terminal is only ever in strings.
    return _JSON_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", msgspec.json.encode(plain).decode())


def _cells(entry: Entry) -> Sequence[Text]:
    decision = entry.decision
    fates = ", ".join(outcome.fate for outcome in entry.outcomes)
    values = (
        decision.time,
        decision.effect.value,
        decision.reason_code.value,
        decision.principal,
        decision.actor,
        _subject(decision),
        ", ".join(decision.policies),
        fates,
        _latency(decision.latency_us),
    )
    style = "green" if decision.effect is Effect.ALLOW else "red"
    cells = [cell(value) for value in values]
    cells[1].stylize(style)
    return cells


def cell(value: str | None) -> Text:
    """`value` on a terminal."""
    return Text(visible(value) if value else _ABSENT)


def _subject(decision: DecisionRecord) -> str | None:
    """The tool that was called, else the method that was asked for."""
    if decision.server is not None and decision.tool is not None:
        return f"{decision.server}/{decision.tool}"
    return decision.tool or decision.method


def _latency(microseconds: int) -> str:
    if microseconds < _MICROSECONDS:
        return f"{microseconds / 1000:.1f} ms"
    return f"{microseconds / _MICROSECONDS:.1f} s"
