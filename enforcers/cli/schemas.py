"""`toolgate schemas`: snapshots of what servers offer, to be reviewed and committed."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer

from enforcers.cli.gateway import ConfigOption
from enforcers.cli.schemas_approval import servers_of, steps_for, steps_for_all, take
from enforcers.cli.schemas_review import State
from enforcers.cli.schemas_servers import Reviewed, review_servers
from enforcers.cli.schemas_view import asked, differences, print_json, pulled, say
from pdp.core.contract.errors import UnusableError

app: Final = typer.Typer(
    name="schemas",
    help="Snapshots of what servers offer, to be reviewed and committed.",
    epilog="Example: toolgate schemas pull git",
    no_args_is_help=True,
)

ServersArgument = Annotated[
    list[str] | None, typer.Argument(help="Servers of `mcpServers`; without any, all.", metavar="[SERVER...]")
]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(help="IDs as `schemas diff` prints them; servers with --all.", metavar="[ID...]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _schemas() -> None:
    """Snapshots of what servers offer, to be reviewed and committed."""


@app.command(epilog="Example: toolgate schemas pull git && git diff schemas/")
def pull(
    servers: ServersArgument = None, *, as_json: JsonOption = False, config: ConfigOption = Path("toolgate.yaml")
) -> None:
    """Write snapshots to `schemas/` of what has none; a tool is approved once a decision point has its snapshot.

    What is approved is never overwritten. Exit 1 when a definition is changed, gone or refused, or a server
    did not answer; the rest is written all the same.
    """
    review = review_servers(servers or (), config=config)
    new = [step for step in steps_for_all(review.servers) if step.finding.state is State.NEW]
    outcomes = {step.finding.reference: take(step, folder=review.folder) for step in new}
    if as_json:
        print_json(review.servers, outcomes=outcomes)
    else:
        for reviewed in review.servers:
            for line in pulled(reviewed):
                say(line)
    if review.failed or _any_but(review.servers, State.APPROVED, State.NEW):
        raise typer.Exit(1)


@app.command(epilog="Example: toolgate schemas diff git")
def diff(
    servers: ServersArgument = None, *, as_json: JsonOption = False, config: ConfigOption = Path("toolgate.yaml")
) -> None:
    """Say in words how what the servers offer differs from what is approved.

    Exit 0 when nothing differs, 1 when something does, 2 when a server did not answer.
    """
    review = review_servers(servers or (), config=config)
    if as_json:
        print_json(review.servers, outcomes={})
    else:
        for reviewed in review.servers:
            for line in differences(reviewed):
                say(line)
    if review.failed:
        raise typer.Exit(2)
    if _any_but(review.servers, State.APPROVED):
        raise typer.Exit(1)


@app.command(epilog="Example: toolgate schemas approve git/git_log")
def approve(
    ids: IdsArgument = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every difference of the servers.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    digest: Annotated[
        str | None, typer.Option(help="Approve exactly this definition, of one ID.", metavar="sha256:...")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Make what the servers offer now the approved definitions; snapshots of what is gone are removed.

    The servers are read again, and what is shown is what is written. Exit 1 when something asked for could
    not be approved.
    """
    if not everything and not ids:
        raise UnusableError("say which IDs to approve, or `--all`")
    if digest is not None and (everything or len(ids or ()) != 1):
        raise UnusableError("`--digest` goes with exactly one ID")
    names = ids or []
    review = review_servers(names if everything else servers_of(names), config=config)
    steps = steps_for_all(review.servers) if everything else steps_for(review.servers, ids=names, digest=digest)
    if not as_json:
        for line in asked(review.servers, steps):
            say(line)
    possible = [step for step in steps if step.possible]
    if possible and not yes:
        _confirm(len(possible))
    outcomes = {step.finding.reference: take(step, folder=review.folder) for step in possible}
    if as_json:
        print_json(review.servers, outcomes=outcomes)
    else:
        for reference, outcome in outcomes.items():
            say(f"{reference}: {outcome}")
    if review.failed or any(step.obstacle is not None for step in steps):
        raise typer.Exit(1)


def _confirm(count: int) -> None:
    if not sys.stdin.isatty():
        raise UnusableError("nobody can be asked here: say `--yes`")
    if not typer.confirm(f"Approve {count} definition{'' if count == 1 else 's'}?", err=True):
        raise typer.Exit(1)


def _any_but(servers: Iterable[Reviewed], *fine: State) -> bool:
    return any(finding.state not in fine for reviewed in servers for finding in reviewed.findings)
