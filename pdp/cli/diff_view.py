"""How what a canary would have decided otherwise looks on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TextIO

import msgspec
from rich.text import Text

from pdp.audit.comparison_summary import Group, Summary
from pdp.cli.log_view import Output, cell, json_of, print_rows
from pdp.cli.terminal import visible
from pdp.core.contract.comparison_record import Answered

COLUMNS: Final = (
    ("requests", 8),
    ("tool", 32),
    ("change", 13),
    ("active", 40),
    ("canary", 40),
    ("for example", 24),
    ("decision", 36),
)

_NAMED: Final = 5
"""Policies that a cell names, and bundles that a line does."""


def print_summaries(found: Sequence[Summary], output: Output, *, limit: int, stream: TextIO) -> None:
    """Print `found` to `stream` at once, of each at most `limit` groups."""
    for number, summary in enumerate(found):
        if output is Output.JSON:
            stream.write(json_of(_plain(summary, limit)) + "\n")
        else:
            stream.write("\n" if number else "")
            _print(summary, limit, stream)
    stream.flush()


def _print(summary: Summary, limit: int, stream: TextIO) -> None:
    stream.writelines(f"{line}\n" for line in _head(summary))
    groups = summary.groups()
    if groups:
        stream.write("\n")
        print_rows(COLUMNS, map(_cells, groups[:limit]), Output.TABLE, stream=stream)
    if len(groups) > limit:
        stream.write(f"these are the {limit} most frequent of {len(groups)}: see further with --limit\n")
    if summary.listed < summary.different:
        stream.write(f"{summary.different - summary.listed} further differences were counted, not listed\n")


def _head(summary: Summary) -> Iterator[str]:
    bundles = [f"generation {generation} ({visible(bundle)})" for generation, bundle in summary.beside]
    percents = " and ".join(f"{percent:g}" for percent in sorted(summary.percents)[:_NAMED])
    yield f"canary {visible(summary.shadow)}"
    yield f"  beside {', '.join(bundles[-_NAMED:])}{_others(len(bundles) - _NAMED)}"
    yield f"  {percents} % of the requests from {visible(summary.since)} to {visible(summary.until)}"
    yield (
        f"  {summary.compared} compared, {summary.incomparable} incomparable, {summary.skipped} skipped,"
        f" {summary.different} different"
    )
    if summary.changes:
        yield "  " + ", ".join(f"{_words(change)} {count}" for change, count in summary.changes.most_common())
    for note in sorted(summary.notes)[:_NAMED]:
        yield f"  {visible(note)}"


def _cells(group: Group) -> Sequence[Text]:
    example = group.example
    return [
        Text(str(group.count)),
        cell(group.subject),
        Text(_words(group.change)),
        cell(_side(example.active, group.active)),
        cell(example.failure if example.shadow is None else _side(example.shadow, group.shadow)),
        cell(example.principal if example.actor is None else f"{example.principal} by {example.actor}"),
        cell(example.decision_id),
    ]


def _side(answered: Answered, policies: Mapping[str, int]) -> str:
    """The reason of the example, and the policies that are most frequent in its group."""
    named = sorted(policies, key=lambda name: (-policies[name], name))
    text = ", ".join(named[:_NAMED]) + _others(len(named) - _NAMED)
    return f"{answered.reason_code}: {text}" if named else str(answered.reason_code)


def _plain(summary: Summary, limit: int) -> dict[str, Any]:
    return {
        "shadow": summary.shadow,
        "beside": [{"generation": generation, "bundle": bundle} for generation, bundle in summary.beside],
        "percents": sorted(summary.percents),
        "since": summary.since,
        "until": summary.until,
        "compared": summary.compared,
        "incomparable": summary.incomparable,
        "skipped": summary.skipped,
        "different": summary.different,
        "changes": dict(summary.changes),
        "notes": sorted(summary.notes),
        "listed": summary.listed,
        "groups": [_plain_group(group) for group in summary.groups()[:limit]],
    }


def _plain_group(group: Group) -> dict[str, Any]:
    return {
        "tool": group.subject,
        "change": group.change,
        "count": group.count,
        "active_policies": dict(group.active),
        "shadow_policies": dict(group.shadow),
        "example": msgspec.to_builtins(group.example),
    }


def _others(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _words(change: str) -> str:
    return change.replace("_", " ")
