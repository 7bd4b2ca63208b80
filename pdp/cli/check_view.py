"""How problems look on a terminal: a line each, with the source and what is meant in it underlined."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from pdp.cli.terminal import legible
from pdp.core.contract.errors import Problem, Severity

_STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}
_WINDOW: Final = 110
"""Characters of a source line that are shown."""
_BEFORE: Final = 40
"""Characters that are shown before what is meant, where the line is longer."""
_CUT: Final = "..."


def print_problems(problems: Sequence[Problem], *, texts: Mapping[str, bytes], stream: TextIO) -> None:
    """Print `problems` and how many there are; `texts` has the files by the names that problems give them."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)
    lines = {file: _lines(texts[file]) for file in {problem.file for problem in problems} & texts.keys()}
    for problem in problems:
        console.print(_headline(problem))
        source = lines.get(problem.file, ())
        if 0 < problem.line <= len(source):
            console.print(_excerpt(problem, source[problem.line - 1]))
    console.print(summary(problems))


def summary(problems: Iterable[Problem]) -> str:
    """How many errors and warnings there are."""
    severities = [problem.severity for problem in problems]
    counts = {severity: severities.count(severity) for severity in Severity}
    parts = [f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items() if count]
    return ", ".join(parts) or "no problems"


def _headline(problem: Problem) -> Text:
    where = ":".join([problem.file, *(str(number) for number in (problem.line, problem.column) if number)])
    return Text.assemble(
        f"{legible(where)}: ",
        (problem.severity.value, _STYLES[problem.severity]),
        f": {legible(problem.message)} [{problem.code}]",
    )


def _excerpt(problem: Problem, line: str) -> Text:
    """The line with its number; below it a caret for each character that is meant."""
    number = str(problem.line)
    start = max(problem.column - 1, 0)
    end = max(problem.end_column - 1, start + 1) if problem.column else start
    first = start - _BEFORE if len(line) > _WINDOW and start > _BEFORE else 0
    shown = line[first : first + _WINDOW]
    before = (_CUT if first else "") + _plain(line[first:start])
    text = (_CUT if first else "") + _plain(shown) + (_CUT if first + _WINDOW < len(line) else "")
    marked = _plain(line[start : min(end, first + _WINDOW)])
    carets = "^" * max(cell_len(marked), 1) if problem.column else ""
    margin = " " * len(number)
    under = f"\n{margin} | {' ' * cell_len(before)}" if carets else ""
    return Text.assemble(f"{margin} |\n{number} | {text}", under, (carets, _STYLES[problem.severity]))


def _plain(text: str) -> str:
    """`text` with a space for each tab, so that what stands below it stands below it."""
    return legible(text.replace("\t", " "))


def _lines(raw: bytes) -> list[str]:
    return [line.removesuffix("\r") for line in raw.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")]
