"""Where the verbs about policies take them from: options that all of these verbs have."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.load import read_settings
from pdp.lifecycle.directory import DirectorySource

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Take the directories from here.", metavar="FILE")]
PoliciesOption = Annotated[Path | None, typer.Option("--policies", help="The policies.", metavar="DIRECTORY")]
SchemasOption = Annotated[Path | None, typer.Option("--schemas", help="The tools' snapshots.", metavar="DIRECTORY")]

_CONFIG: Final = Path("toolgate.yaml")
_POLICIES: Final = Path("policies")
_SCHEMAS: Final = Path("schemas")
# Answers are never kept here, so their age has no meaning; a bundle needs one all the same.
_MAX_AGE: Final = 1.0


def read_bundle(*, config: Path | None, policies: Path | None, schemas: Path | None) -> Bundle:
    """The bundle of the directories that the options name.

    Raises:
        ConfigurationError: with every problem in it.
        UnusableError: the options contradict each other.

    """
    return build(policy_source(config=config, policies=policies, schemas=schemas).fetch(), max_age=_MAX_AGE)


def policy_source(*, config: Path | None, policies: Path | None, schemas: Path | None) -> DirectorySource:
    """The directories that the options name, else the configuration's where there is one, else the usual ones."""
    named = policies is not None or schemas is not None
    if config is not None and named:
        raise UnusableError("`--config` names both directories: leave out `--policies` and `--schemas`")
    if config is None and (named or not _CONFIG.exists()):
        return DirectorySource(policies=policies or _POLICIES, schemas=schemas or _SCHEMAS)
    file = config or _CONFIG
    settings = read_settings(file, environ=os.environ).settings.pdp  # noqa: TID251 - the edge
    return DirectorySource(policies=file.parent / settings.policies, schemas=file.parent / settings.schemas)
