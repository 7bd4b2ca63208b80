"""`toolgate log checkpoint`: signs what is in the log now."""

import os
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from pdp.audit.evidence.checkpointer import Care
from pdp.audit.evidence.examination import RefusedError
from pdp.audit.evidence.export import Exporter
from pdp.audit.evidence.service import Stop
from pdp.cli.config import ConfigOption
from pdp.cli.log_verify import PROBLEMS
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.load import read_settings
from pdp.exports.opening import open_checkpointer, open_exports, open_ledger
from pdp.server.clock import system_clock


def checkpoint(
    *,
    unsafe_as_is: Annotated[
        bool, typer.Option("--unsafe-as-is", help="Sign what was altered, too, as faults that the checkpoint tells.")
    ] = False,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Make a checkpoint over what came since the last one, and give it to the places outside."""
    pdp = read_settings(config, environ=os.environ).settings.pdp  # noqa: TID251 - the edge
    settings, base, clock = pdp.log.checkpoints, config.parent, system_clock()
    if settings is None:
        raise UnusableError("set `pdp.log.checkpoints.key`: `toolgate bundle keygen FILE` makes one")
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    ledger = open_ledger(pdp.log, base=base)
    state = base / pdp.state
    maker = open_checkpointer(settings, ledger, base=base, state=state, clock=clock, log=log, stop=Stop())
    try:
        count = maker.make(Care.AS_IS if unsafe_as_is else Care.STRICT)
    except RefusedError as error:
        sys.stderr.write(f"no checkpoint was made: {error}\n")
        raise typer.Exit(PROBLEMS) from error
    sys.stdout.write(f"{count} made; the newest is {maker.state.number}, over {maker.state.records} records\n")
    failed = 0
    for export, leaves in open_exports(settings, base=base, state=state, clock=clock):
        exporter = Exporter(export, ledger, leaves=leaves, log=log)
        exporter.push()
        failed += exporter.state.last_error is not None
        sys.stdout.write(f"{exporter.state.target}: {exporter.state.last_error or f'has {exporter.state.number}'}\n")
    ledger.close()
    if failed:
        raise typer.Exit(PROBLEMS)
