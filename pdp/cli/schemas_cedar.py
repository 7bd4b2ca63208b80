"""`toolgate schemas cedar`: the Cedar schema that policies are checked with."""

import json
import sys
from typing import Annotated

import typer

from pdp.cli.approved_tools import NamesArgument, read_tools
from pdp.cli.sources import ConfigOption, PoliciesOption, SchemasOption, directories
from pdp.core.bundle.bundle import mapping_of
from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.cedar_text import cedar_text
from pdp.core.contract.errors import ConfigurationError


def cedar(
    names: NamesArgument = None,
    *,
    print_json: Annotated[bool, typer.Option("--json", help="Print Cedar's JSON form.")] = False,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
    schemas: SchemasOption = None,
) -> None:
    """Print the Cedar schema that policies are checked with; its actions are the named tools'.

    Example: toolgate schemas cedar git
    """
    places = directories(config=config, policies=policies, schemas=schemas)
    found = read_tools(places).chosen(names or ())
    if found.refused:
        raise ConfigurationError(problem for problems in found.refused.values() for problem in problems)
    form = cedar_schema(found.tools, attributes=mapping_of(places.source().fetch()).attributes)
    sys.stdout.write(f"{json.dumps(form, indent=2)}\n" if print_json else cedar_text(form))
