"""`toolgate test`: policies against their tests."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.core.bundle.bundle import build
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.load import read_settings
from pdp.lifecycle.directory import DirectorySource
from pdp.policytest.cases import read_cases
from pdp.policytest.files import read_files
from pdp.policytest.report import Detail, as_json, lines
from pdp.policytest.run import run

test: Final = typer.Typer(add_completion=False)

_CONFIG: Final = Path("toolgate.yaml")
_POLICIES: Final = Path("policies")
_SCHEMAS: Final = Path("schemas")
_TESTS: Final = Path("policy-tests")
# Answers are never kept here, so their age has no meaning; a bundle needs one all the same.
_MAX_AGE: Final = 1.0

PathsArgument = Annotated[list[Path] | None, typer.Argument(help="Files or directories; without any, `policy-tests/`.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Take the directories from here.", metavar="FILE")]
PoliciesOption = Annotated[Path | None, typer.Option("--policies", help="The policies.", metavar="DIRECTORY")]
SchemasOption = Annotated[Path | None, typer.Option("--schemas", help="The tools' snapshots.", metavar="DIRECTORY")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Name the cases that pass, too.")]
StrictOption = Annotated[
    bool, typer.Option("--strict-coverage", help="Fail when no passing case names some policy as determining.")
]


@test.command(epilog="Example: toolgate test policy-tests/ --strict-coverage")
def run_tests(
    paths: PathsArgument = None,
    *,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
    print_json: JsonOption = False,
    verbose: VerboseOption = False,
    strict_coverage: StrictOption = False,
) -> None:
    """Run policy tests; exit 1 when a case fails."""
    source = _source(config=config, policies=policies, schemas=schemas)
    bundle = build(source.fetch(), max_age=_MAX_AGE)
    cases = read_cases(read_files(paths or [_TESTS]), catalog=bundle.catalog)
    outcome = run(cases, bundle=bundle)
    detail = Detail.EVERY if verbose else Detail.FAILURES
    text = json.dumps(as_json(outcome), indent=2) if print_json else "\n".join(lines(outcome, detail=detail))
    sys.stdout.write(f"{text}\n")
    raise typer.Exit(1 if outcome.failed or (strict_coverage and outcome.unexercised) else 0)


def _source(*, config: Path | None, policies: Path | None, schemas: Path | None) -> DirectorySource:
    """The directories that the options name, else the configuration's where there is one, else the usual ones."""
    named = policies is not None or schemas is not None
    if config is not None and named:
        raise UnusableError("`--config` names both directories: leave out `--policies` and `--schemas`")
    if config is None and (named or not _CONFIG.exists()):
        return DirectorySource(policies=policies or _POLICIES, schemas=schemas or _SCHEMAS)
    file = config or _CONFIG
    settings = read_settings(file, environ=os.environ).settings.pdp  # noqa: TID251 - the edge
    return DirectorySource(policies=file.parent / settings.policies, schemas=file.parent / settings.schemas)
