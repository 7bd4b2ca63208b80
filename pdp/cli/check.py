"""`toolgate check`: every problem in policies, links and the catalog, for people and for machines."""

import sys
from dataclasses import replace
from enum import StrEnum
from importlib.metadata import version
from typing import Annotated, Final

import typer

from pdp.cli.check_formats import as_json, as_sarif, github_lines
from pdp.cli.check_view import print_problems
from pdp.cli.extras import DISTRIBUTION
from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.core.bundle.bundle import problems_of
from pdp.core.contract.errors import Severity
from pdp.core.engine.compile import Progress, Step

check: Final = typer.Typer(add_completion=False)

_CLEAR: Final = "\r\x1b[K"


class Format(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print: for people, or for a machine.")]
LevelOption = Annotated[
    Severity, typer.Option("--level", help="What to tell and to fail for: `error` leaves out warnings.")
]


@check.command(epilog="Example: toolgate check --format sarif > toolgate.sarif")
def check_sources(
    *,
    output: FormatOption = Format.TEXT,
    level: LevelOption = Severity.WARNING,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
) -> None:
    """Find every problem in policies, links, catalog and snapshots; exit 1 when there is one."""
    source = directories(config=config, policies=policies, schemas=schemas).source()
    sources = source.fetch()
    found = sorted(set(problems_of(sources, progress=_show if sys.stderr.isatty() else None)))
    told = [one for one in found if level is Severity.WARNING or one.severity is Severity.ERROR]
    problems = [replace(one, file=str(source.path_of(one.file))) for one in told]
    match output:
        case Format.TEXT:
            texts = {str(source.path_of(name)): raw for name, raw in sources.items()}
            print_problems(problems, texts=texts, stream=sys.stdout)
        case Format.JSON:
            sys.stdout.write(as_json(problems))
        case Format.SARIF:
            sys.stdout.write(as_sarif(problems, version=version(DISTRIBUTION)))
        case Format.GITHUB:
            sys.stdout.writelines(github_lines(problems))
    raise typer.Exit(1 if problems else 0)


def _show(progress: Progress) -> None:
    """One line of standard error, written over until everything is done."""
    line = "" if progress.step is Step.COMPARE else f"{progress.step}: {progress.done} of {progress.total}"
    sys.stderr.write(f"{_CLEAR}{line}")
    sys.stderr.flush()
