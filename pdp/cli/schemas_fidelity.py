"""`toolgate schemas fidelity`: what policies can see of each tool's arguments."""

import json
import sys
from typing import Annotated

import typer

from pdp.cli.approved_tools import NamesArgument, read_tools
from pdp.cli.fidelity_view import as_json, lines
from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.core.catalog.fidelity import fidelity as fidelity_of


def fidelity(
    names: NamesArgument = None,
    *,
    print_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
) -> None:
    """Say what policies can see of each tool's arguments, and what only the check of its JSON Schema enforces.

    Example: toolgate schemas fidelity git files/edit_file
    """
    found = read_tools(directories(config=config, policies=policies, schemas=schemas)).chosen(names or ())
    reports = [fidelity_of(tool) for tool in found.tools]
    if print_json:
        text = json.dumps(as_json(reports, refused=found.refused), indent=2)
    else:
        text = "\n".join(lines(reports, refused=found.refused))
    sys.stdout.write(f"{text}\n")
