"""`toolgate diff`: what another bundle would decide otherwise."""

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.audit.comparison_query import ComparisonQuery
from pdp.audit.comparison_summary import summaries
from pdp.audit.location import open_reader
from pdp.audit.query import DEFAULT_LIMIT
from pdp.cli.config import ConfigOption
from pdp.cli.diff_view import print_summaries
from pdp.cli.log import SinceOption, UntilOption, asked_by, instant_of
from pdp.cli.log_account import UnrecordedOption, record_reading, unrecorded_of
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.log_view import Output
from pdp.core.contract.errors import UnusableError

diff: Final = typer.Typer(add_completion=False)

_NONE: Final = (
    "nothing was compared: `pdp.bundles.canary` names a bundle to try beside the active one, and on how many requests"
)


@diff.command(epilog="Example: toolgate diff --live --since 24h")
def compare(  # noqa: PLR0913 - one for each option
    *,
    live: Annotated[bool, typer.Option("--live", help="What the canary was asked beside the active bundle.")] = False,
    shadow: Annotated[
        str | None, typer.Option(help="The bundle that was tried: the beginning of its digest.", metavar="DIGEST")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(help="At most so many rows, the most frequent.", min=1)] = DEFAULT_LIMIT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a canary.")] = False,
    unsafe_unrecorded: UnrecordedOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Say what a canary would have decided otherwise; exit 1 where that is anything."""
    if not live:
        raise UnusableError("say what to compare: `toolgate diff --live` tells what the canary would have decided")
    now = time.time()  # noqa: TID251 - the edge
    wanted = ComparisonQuery(shadow, instant_of(since, "--since", now=now), instant_of(until, "--until", now=now))
    place = place_of(log_url, config)
    found = summaries(open_reader(place.log, base=place.base).comparisons(wanted))
    unrecorded = unrecorded_of(unsafe_unrecorded)
    record_reading(place, "diff --live", asked_by(wanted), found=len(found), unrecorded=unrecorded)
    print_summaries(found, Output.JSON if as_json else Output.TABLE, limit=limit, stream=sys.stdout)
    if not found:
        sys.stderr.write(f"{_NONE}\n")
    raise typer.Exit(1 if any(summary.different for summary in found) else 0)
