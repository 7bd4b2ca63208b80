"""Where the verbs about policies take them from: options that all of these verbs have."""

import os
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Directories:
    """Where policies and the snapshots of tools are."""

    policies: Path
    schemas: Path

    def bundle(self) -> Bundle:
        """What is in them, compiled.

        Raises:
            ConfigurationError: with every problem.

        """
        return build(self.source().fetch(), max_age=_MAX_AGE)

    def source(self) -> DirectorySource:
        """The reader of what is in them."""
        return DirectorySource(policies=self.policies, schemas=self.schemas)


def directories(*, config: Path | None, policies: Path | None = None, schemas: Path | None = None) -> Directories:
    """The directories that the options name, else the configuration's where there is one, else the usual ones.

    Raises:
        ConfigurationError: the configuration has problems.
        UnusableError: the options contradict each other.

    """
    named = policies is not None or schemas is not None
    if config is not None and named:
        raise UnusableError("`--config` names both directories: leave out `--policies` and `--schemas`")
    if config is None and (named or not _CONFIG.exists()):
        return Directories(policies or _POLICIES, schemas or _SCHEMAS)
    file = config or _CONFIG
    settings = read_settings(file, environ=os.environ).settings.pdp  # noqa: TID251 - the edge
    return Directories(file.parent / settings.policies, file.parent / settings.schemas)
