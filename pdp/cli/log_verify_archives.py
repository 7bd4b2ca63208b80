"""`toolgate log verify-archives`: whether what was moved out of the log is what was signed, and so is the rest."""

import sys
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from pdp.audit.archive.mover import archives_in
from pdp.audit.archive.whole_log import ArchivesAlone, Shelf, WholeLog
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.verify import Verification
from pdp.audit.location import open_snapshot
from pdp.cli.config import ConfigOption
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.log_verify import (
    PROBLEMS,
    HeldOption,
    JsonOption,
    TrustOption,
    print_report,
    trusted,
)
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.decision_point import LogSettings
from pdp.exports.held_places import held_at


def verify_archives(
    *,
    archives: Annotated[list[Path], typer.Argument(help="Archives, or folders with archives.", metavar="ARCHIVE...")],
    alone: Annotated[bool, typer.Option("--alone", help="Without the log that they were moved out of.")] = False,
    trust: TrustOption = None,
    checkpoint: HeldOption = None,
    as_json: JsonOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Find what was altered in archives and in the log behind them; exit 1 where anything is.

    Example: toolgate log verify-archives /srv/archives --trust log.pub
    """
    shelf = Shelf(list(chain.from_iterable(archives_in(path) if path.is_dir() else [path] for path in archives)))
    log, base = (LogSettings(), Path()) if alone and trust else place_of(log_url, config)
    keys = trusted(trust, log.checkpoints, base=base)
    if not keys:
        raise UnusableError("name the public keys that sign the log with `--trust`: nobody is trusted unasked")
    held = chain.from_iterable(held_at(place) for place in checkpoint or [])
    with ExitStack() as stack:
        if alone:
            report, leftover = Verification(ArchivesAlone(shelf), trusted=keys, held=held).run(), 0
        else:
            whole = WholeLog(shelf, LogSnapshot(stack.enter_context(open_snapshot(log, base=base))))
            report, leftover = Verification(whole, trusted=keys, held=held).run(), whole.leftover
    print_report(report, as_json=as_json)
    if leftover:
        sys.stderr.write(
            f"{leftover} records are in the log at positions that are archived, and nobody vouches for them:"
            " `toolgate log archive` removes them\n"
        )
    if report.findings.counts or leftover:
        raise typer.Exit(PROBLEMS)
