"""`toolgate fmt`: policies in one layout."""

import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.cli.policy_files import policy_files, read_policies, rewrite
from pdp.cli.sources import directories
from pdp.cli.terminal import harmless
from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError
from pdp.core.engine.syntax.formatting import formatted
from pdp.core.engine.syntax.reading import MAX_FILE_BYTES

fmt: Final = typer.Typer(add_completion=False)

_STANDARD_INPUT: Final = Path("-")
_SHOWN_INPUT: Final = "<stdin>"

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Files or directories, or `-` for standard input; without any, the configured policies."),
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Take the directory from here.", metavar="FILE")]
CheckOption = Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when a file would change.")]
DiffOption = Annotated[bool, typer.Option("--diff", help="Change nothing; print what would change.")]


@dataclass(frozen=True, slots=True)
class _Source:
    """A file of policies before and after."""

    name: str
    path: Path | None
    before: bytes
    after: bytes


@fmt.command(epilog="Example: toolgate fmt --check --diff")
def format_policies(
    paths: PathsArgument = None, *, config: ConfigOption = None, check: CheckOption = False, diff: DiffOption = False
) -> None:
    """Bring policies into Cedar's own layout; comments stay, and a file with a problem is left alone."""
    if config is not None and paths:
        raise UnusableError("`--config` names the directory: leave out the paths")
    problems: list[Problem] = []
    sources = list(_formatted(paths or [directories(config=config).policies], problems))
    changed = [source for source in sources if source.before != source.after]
    if diff:
        shown = harmless if sys.stdout.isatty() else str
        sys.stdout.writelines(shown(line) for source in changed for line in _difference(source))
    if check:
        sys.stderr.writelines(f"{source.name} is not formatted\n" for source in changed)
    if not check and not diff:
        _write(sources)
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    raise typer.Exit(1 if problems or (check and changed) else 0)


def _formatted(paths: list[Path], problems: list[Problem]) -> Iterator[_Source]:
    if _STANDARD_INPUT in paths and len(paths) > 1:
        raise UnusableError("`-` stands alone: name files, or give one on standard input")
    standard = paths == [_STANDARD_INPUT]
    for path in [None] if standard else policy_files(paths):
        name = _SHOWN_INPUT if path is None else str(path)
        raw = sys.stdin.buffer.read(MAX_FILE_BYTES + 1) if path is None else read_policies(path)
        try:
            yield _Source(name, path, raw, formatted(raw, file=name).encode())
        except ConfigurationError as error:
            problems += error.problems


def _difference(source: _Source) -> Iterator[str]:
    before, after = (text.decode().splitlines(keepends=True) for text in (source.before, source.after))
    for line in difflib.unified_diff(before, after, source.name, f"{source.name} (formatted)"):
        yield line if line.endswith("\n") else f"{line}\n\\ no line feed at the end\n"


def _write(sources: list[_Source]) -> None:
    for source in sources:
        if source.path is None:
            sys.stdout.buffer.write(source.after)
            sys.stdout.buffer.flush()
        elif source.before != source.after:
            rewrite(source.path, source.after)
            sys.stdout.write(f"formatted {source.name}\n")
