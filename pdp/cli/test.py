"""`toolgate test`: policies against their tests."""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.policytest.cases import read_cases
from pdp.policytest.files import read_files
from pdp.policytest.report import Detail, as_json, lines
from pdp.policytest.run import run

test: Final = typer.Typer(add_completion=False)

_TESTS: Final = Path("policy-tests")

PathsArgument = Annotated[list[Path] | None, typer.Argument(help="Files or directories; without any, `policy-tests/`.")]
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
    bundle = directories(config=config, policies=policies, schemas=schemas).bundle()
    cases = read_cases(read_files(paths or [_TESTS]), catalog=bundle.catalog, mapping=bundle.mapping)
    outcome = run(cases, bundle=bundle)
    detail = Detail.EVERY if verbose else Detail.FAILURES
    text = json.dumps(as_json(outcome), indent=2) if print_json else "\n".join(lines(outcome, detail=detail))
    sys.stdout.write(f"{text}\n")
    raise typer.Exit(1 if outcome.failed or (strict_coverage and outcome.unexercised) else 0)
