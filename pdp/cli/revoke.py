"""`toolgate revoke`: what may do nothing any more, from now on."""

import os
import pwd
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from pdp.cli.admin_client import TOKEN, AdminClient
from pdp.cli.config import ConfigOption
from pdp.cli.dev import seconds
from pdp.cli.log_view import Output, cell, json_of, print_rows
from pdp.cli.revocation_desk import AdminDesk, Desk, LocalDesk, Wanted, refusals
from pdp.cli.terminal import legible, visible
from pdp.core.contract.revocation import Revocation, RevocationKind, check_name
from pdp.core.settings.load import read_settings
from pdp.revocation.location import open_revocations

_COLUMNS: Final = (
    ("number", 8),
    ("kind", 9),
    ("id", 40),
    ("since", 24),
    ("until", 24),
    ("by", 20),
    ("reason", 40),
)

revoke: Final = typer.Typer(add_completion=False)


@revoke.command(
    "revoke",
    epilog="Example: toolgate revoke principal 'corp|alice' --reason 'laptop stolen' --for 24h",
)
def _revoke(  # noqa: PLR0913 - one for each option
    *,
    kind: Annotated[RevocationKind | None, typer.Argument(help="What it is.", metavar="KIND")] = None,
    identifier: Annotated[str | None, typer.Argument(help="`corp|alice`, `git/git_log`, `git`.", metavar="ID")] = None,
    reason: Annotated[str, typer.Option(help="Why, in one line.")] = "",
    duration: Annotated[str | None, typer.Option("--for", help="For how long; without it, for good.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="End the revocation.")] = False,
    as_list: Annotated[bool, typer.Option("--list", help="Show what is revoked.")] = False,
    admin: Annotated[
        str | None, typer.Option(help=f"A decision point's administration; the token is in `{TOKEN}`.", metavar="URL")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Revoke a principal, actor, session, tool or server, or lift that; KIND is one of these words.

    Without `--admin` the store of the configuration is written: whoever may do that may revoke.
    """
    output = Output.JSON if as_json else Output.TABLE
    if as_list:
        _check_usage(kind is None and not lift and duration is None, "`--list` stands alone")
        _print_all(_desk(admin, config), output)
        return
    if kind is None or identifier is None:
        raise typer.BadParameter("name KIND and ID, or `--list`")
    _check_usage(not (lift and duration is not None), "`--for` goes with a new revocation")
    with refusals():
        check_name(kind, identifier)
    if lift:
        _lift(_desk(admin, config), kind, identifier, reason=reason, output=output)
    else:
        wanted = Wanted(kind, identifier, reason, None if duration is None else (duration, seconds(duration, "--for")))
        _make(_desk(admin, config), wanted, output)


def _check_usage(fits: object, text: str) -> None:
    if not fits:
        raise typer.BadParameter(text)


def _desk(admin: str | None, config: Path) -> Desk:
    environ = os.environ  # noqa: TID251 - the edge
    if admin is None:
        pdp = read_settings(config, environ=environ).settings.pdp
        store = open_revocations(pdp, base=config.parent)
        return LocalDesk(store, pdp=pdp, base=config.parent, by=f"local:{pwd.getpwuid(os.getuid()).pw_name}")
    return AdminDesk(AdminClient(admin, environ=environ, option="--admin"))


def _make(desk: Desk, wanted: Wanted, output: Output) -> None:
    made = desk.revoke(wanted)
    if made.warning is not None:
        sys.stderr.write(f"{legible(made.warning)}\n")
    one = made.revocation
    if output is Output.JSON:
        sys.stdout.write(json_of(one) + "\n")
        return
    until = "until it is lifted" if one.until is None else f"until {visible(one.until)}"
    sys.stdout.write(f"revoked: {one.kind} `{visible(one.id)}`, {until} (number {one.sequence})\n")


def _lift(desk: Desk, kind: RevocationKind, identifier: str, *, reason: str, output: Output) -> None:
    sequence = desk.lift(kind, identifier, reason=reason)
    if output is Output.JSON:
        sys.stdout.write(json_of({"lifted": sequence is not None, "sequence": sequence}) + "\n")
    elif sequence is None:
        sys.stdout.write(f"nothing to lift: {kind} `{visible(identifier)}` is not revoked\n")
    else:
        sys.stdout.write(f"lifted: {kind} `{visible(identifier)}` (number {sequence})\n")
    raise typer.Exit(1 if sequence is None else 0)


def _print_all(desk: Desk, output: Output) -> None:
    known = desk.find()
    if output is Output.JSON:
        sys.stdout.write(json_of(known) + "\n")
    elif known.revocations:
        print_rows(_COLUMNS, map(_cells, known.revocations), output, stream=sys.stdout)
    else:
        sys.stdout.write("nothing is revoked\n")


def _cells(one: Revocation) -> list[Text]:
    return [cell(text) for text in (str(one.sequence), one.kind.value, one.id, one.at, one.until, one.by, one.reason)]
