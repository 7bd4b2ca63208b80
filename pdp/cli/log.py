"""`toolgate log`: who did what, under which rule."""

import re
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pdp.audit.drift_query import DriftQuery
from pdp.audit.location import open_reader
from pdp.audit.query import DEFAULT_LIMIT, Order, Query
from pdp.audit.sql_store import SqlReader
from pdp.cli.config import ConfigOption
from pdp.cli.dev import seconds
from pdp.cli.drift_view import print_drifts
from pdp.cli.log_account import UnrecordedOption, record_reading, unrecorded_of
from pdp.cli.log_checkpoint import checkpoint
from pdp.cli.log_migrate import migrate
from pdp.cli.log_place import UrlOption, place_of
from pdp.cli.log_prove import prove_record, verify_proof_file
from pdp.cli.log_verify import verify
from pdp.cli.log_view import Output, print_entries
from pdp.cli.log_writers import writers
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DriftState, Effect

app: Final = typer.Typer(
    name="log",
    help="Ask the decision log who did what, under which rule.",
    epilog="Example: toolgate log query --principal alice --decision deny --since 1h",
    no_args_is_help=True,
)

app.command(epilog="Example: toolgate log verify --trust log.pub --checkpoint /mnt/witness/checkpoints")(verify)
app.command(epilog="Example: toolgate log checkpoint")(checkpoint)
app.command("prove", epilog="Example: toolgate log prove 0198f0c2-1111-7000-8000-000000000000 -o proof.json")(
    prove_record
)
app.command("verify-proof", epilog="Example: toolgate log verify-proof proof.json --trust log.pub")(verify_proof_file)
app.command(epilog="Example: toolgate log writers")(writers)
app.command(epilog="Example: toolgate log migrate --log-url sqlite:///toolgate.db")(migrate)

POLL_SECONDS: Final = 0.25

_DURATION: Final = re.compile(r"[\d.]+(ms|s|m|h)")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
ToolOption = Annotated[str | None, typer.Option(help="The tool: `create_issue` or `github/create_issue`.")]
ServerOption = Annotated[str | None, typer.Option(help="The server.")]
SinceOption = Annotated[str | None, typer.Option(help="From when on: `1h` ago, or a time.", metavar="TIME")]
UntilOption = Annotated[str | None, typer.Option(help="Before when: `5m` ago, or a time.", metavar="TIME")]
LimitOption = Annotated[int, typer.Option(help="At most so many, the newest.", min=1)]


@app.command(epilog="Example: toolgate log tail -n 50 --follow")
def tail(
    *,
    count: Annotated[int, typer.Option("--lines", "-n", help="How many decisions.", min=1)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until interrupted.")] = False,
    as_json: JsonOption = False,
    unsafe_unrecorded: UnrecordedOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Show the newest decisions, the last to come last."""
    place = place_of(log_url, config)
    reader = open_reader(place.log, base=place.base)
    entries = reader.find(Query(order=Order.ARRIVAL, limit=count))
    asked = {"lines": count, "follow": follow or None}
    found = None if follow else len(entries)
    record_reading(place, "log tail", asked, found=found, unrecorded=unrecorded_of(unsafe_unrecorded))
    _warn_of_conflicts(reader)
    print_entries(entries, Output.JSON if as_json else Output.TABLE, stream=sys.stdout)
    if follow:
        after = entries[-1].position if entries else 0
        _follow(reader, Output.JSON if as_json else Output.ROWS, after=after)


@app.command(epilog="Example: toolgate log query --principal alice --decision deny --since 1h --json")
def query(  # noqa: PLR0913 - one for each option
    *,
    principal: Annotated[str | None, typer.Option(help="Who: `corp|alice`, or `alice` of any issuer.")] = None,
    actor: Annotated[str | None, typer.Option(help="The agent that acted, written the same way.")] = None,
    decision: Annotated[Effect | None, typer.Option(help="What was decided.")] = None,
    reason: Annotated[ReasonCode | None, typer.Option(help="The reason code.", metavar="CODE")] = None,
    tool: ToolOption = None,
    server: ServerOption = None,
    method: Annotated[str | None, typer.Option(help="The MCP method.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
    unsafe_unrecorded: UnrecordedOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Show the decisions that match all of what is given, oldest first."""
    now = time.time()  # noqa: TID251 - the edge
    wanted = Query(
        principal=principal,
        actor=actor,
        effect=decision,
        reason_code=reason,
        tool=tool,
        server=server,
        method=method,
        since=instant_of(since, "--since", now=now),
        until=instant_of(until, "--until", now=now),
        limit=limit,
    )
    place = place_of(log_url, config)
    reader = open_reader(place.log, base=place.base)
    entries = reader.find(replace(wanted, limit=limit + 1))
    found, unrecorded = min(len(entries), limit), unrecorded_of(unsafe_unrecorded)
    record_reading(place, "log query", asked_by(wanted), found=found, unrecorded=unrecorded)
    _warn_of_conflicts(reader)
    print_entries(entries[-limit:], Output.JSON if as_json else Output.TABLE, stream=sys.stdout)
    note_extent(len(entries), limit, none="no decision matches")


@app.command(epilog="Example: toolgate log drift --server github --since 24h")
def drift(  # noqa: PLR0913 - one for each option
    *,
    server: ServerOption = None,
    tool: ToolOption = None,
    state: Annotated[DriftState | None, typer.Option(help="What became of it.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
    unsafe_unrecorded: UnrecordedOption = False,
    log_url: UrlOption = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Show when tools were found not to be as they were approved, and when they were again, oldest first."""
    now = time.time()  # noqa: TID251 - the edge
    wanted = DriftQuery(
        server=server,
        tool=tool,
        state=state,
        since=instant_of(since, "--since", now=now),
        until=instant_of(until, "--until", now=now),
        limit=limit,
    )
    place = place_of(log_url, config)
    found = open_reader(place.log, base=place.base).drifts(replace(wanted, limit=limit + 1))
    shown, unrecorded = min(len(found), limit), unrecorded_of(unsafe_unrecorded)
    record_reading(place, "log drift", asked_by(wanted), found=shown, unrecorded=unrecorded)
    print_drifts(found[-limit:], Output.JSON if as_json else Output.TABLE, stream=sys.stdout)
    note_extent(len(found), limit, none="no change of a tool matches")


def note_extent(found: int, limit: int, *, none: str) -> None:
    """Say that there is more than what was printed, or nothing."""
    if found > limit:
        _note(f"these are the newest {limit} of more: see further with --limit")
    elif not found:
        _note(none)


def instant_of(text: str | None, option: str, *, now: float) -> str | None:
    """As `instant`, None for no text."""
    return None if text is None else instant(text, option, now=now)


def instant(text: str, option: str, *, now: float) -> str:
    """The time in `text`, a duration before `now` (Unix seconds) or RFC 3339, as records have it.

    Raises:
        BadParameter: it is neither; `option` is named.

    """
    if _DURATION.fullmatch(text):
        return rfc3339(now - seconds(text, option))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "write a duration (`1h`) or a time (`2026-07-28T09:00:00Z`)"
        raise typer.BadParameter(hint, param_hint=option) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return rfc3339(moment.timestamp())


def asked_by(query: Any) -> dict[str, str | int | None]:
    """What a question asks for, by its members; durations are times by now."""
    members = {name: value for name, value in asdict(query).items() if name not in {"order", "after"}}
    return {name: str(value) if isinstance(value, StrEnum) else value for name, value in members.items()}


def _follow(reader: SqlReader, output: Output, *, after: int) -> None:
    try:
        while True:
            entries = reader.find(Query(after=after))
            if entries:
                after = entries[-1].position
                print_entries(entries, output, stream=sys.stdout)
            else:
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        return


def _warn_of_conflicts(reader: SqlReader) -> None:
    count = reader.conflicts()
    if count:
        _note(f"{count} records came under the number of another one: see the table `conflicts`")


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
