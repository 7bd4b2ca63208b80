"""How far the runs of a writer are: what it says of itself in a header, so that what does not come is missed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

RECORDS_HEADER: Final = "Toolgate-Records"
"""The header in which an enforcer says how far its runs are: `<boot>;<sequence>`, several of them with commas."""
MAX_RUNS: Final = 64

_RUN: Final = re.compile(r"([0-9A-Za-z._:-]{1,64});([1-9][0-9]{0,17})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RunHead:
    """How far a run of a writer is: it has `sequence` records."""

    boot: str
    sequence: int


def heads_text(heads: Iterable[RunHead]) -> str:
    """The header that says `heads`."""
    return ",".join(f"{head.boot};{head.sequence}" for head in heads)


def read_heads(text: str) -> Sequence[RunHead]:
    """The heads that a header says, at most `MAX_RUNS` of runs that differ.

    Raises:
        ValueError: it says something else.

    """
    items = [item.strip(" \t") for item in text.split(",", MAX_RUNS)]
    matches = [_RUN.fullmatch(item) for item in items]
    heads = {match[1]: int(match[2]) for match in matches if match is not None}
    if len(heads) < len(items) or len(items) > MAX_RUNS:
        raise ValueError("the header does not say runs and how many records each has")
    return [RunHead(boot, sequence) for boot, sequence in heads.items()]
