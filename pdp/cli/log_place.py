"""Which log a command is about."""

import os
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from pdp.core.settings.decision_point import LogSettings
from pdp.core.settings.load import read_settings

UrlOption = Annotated[str | None, typer.Option("--log-url", help="The log, instead of the configured one.")]


class LogPlace(NamedTuple):
    """The settings of a log, and what paths in them are relative to."""

    log: LogSettings
    base: Path


def place_of(log_url: str | None, config: Path) -> LogPlace:
    """The log at `log_url`, else that of the configuration in the file `config`.

    Raises:
        ConfigurationError: the configuration has problems.

    """
    if log_url is not None:
        return LogPlace(LogSettings(url=log_url), Path())
    return LogPlace(read_settings(config, environ=os.environ).settings.pdp.log, config.parent)  # noqa: TID251 - the edge
