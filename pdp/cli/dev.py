"""`toolgate dev`: what helps to try things out, and is refused where it would be a danger."""

import os
import secrets
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from pdp.cli.config import ConfigOption
from pdp.core.contract.errors import ConfigurationError, UnusableError
from pdp.core.contract.identifier import uuid7
from pdp.core.settings.load import read_settings
from pdp.core.settings.section import Seconds
from pdp.tokens.local.dev_issuer import DevClaims, DevIssuer
from pdp.tokens.trust import refuse_dev_issuer_off_loopback

app: Final = typer.Typer(
    name="dev",
    help="Try things out: tokens of the development issuer.",
    epilog="Example: toolgate dev token --sub alice --group eng",
    no_args_is_help=True,
)

_HOW: Final = (
    "`{file}` has no development issuer, so nobody would believe the token. To try things out on this machine,"
    " write\n\nidentity:\n  unsafe_dev_issuer: {{}}\n"
)


@app.callback()
def _dev() -> None:
    """Try things out: tokens of the development issuer."""


@app.command(epilog='Example: TOKEN="$(toolgate dev token --sub alice --group eng --ttl 8h)"')
def token(  # noqa: PLR0913 - one for each option
    *,
    sub: Annotated[str, typer.Option(help="Whom the token speaks for.", metavar="NAME")],
    group: Annotated[list[str] | None, typer.Option(help="A group of theirs; may be repeated.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role of theirs; may be repeated.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope; may be repeated.")] = None,
    act: Annotated[list[str] | None, typer.Option(help="An agent that acts for them, nearest first.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Their tenant.")] = None,
    client_id: Annotated[str | None, typer.Option(help="The OAuth client that got the token.")] = None,
    audience: Annotated[str | None, typer.Option(help="Whom it is for, if not the gateway.", metavar="URL")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is good for.", metavar="DURATION")] = "1h",
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Print a token of the development issuer, and nothing else."""
    settings = read_settings(config, environ=os.environ).settings  # noqa: TID251 - the edge
    if settings.identity.unsafe_dev_issuer is None:
        raise UnusableError(_HOW.format(file=config))
    if problems := refuse_dev_issuer_off_loopback(settings):
        raise ConfigurationError(problems)
    claims = DevClaims(
        subject=_present(sub, "--sub"),
        groups=tuple(group or ()),
        roles=tuple(role or ()),
        scopes=tuple(scope or ()),
        actors=tuple(act or ()),
        tenant=tenant,
        client_id=client_id,
    )
    dev = settings.identity.unsafe_dev_issuer
    if audience is not None:
        dev = dev.model_copy(update={"audience": _present(audience, "--audience")})
    issuer = DevIssuer.open(dev, base=config.parent)
    now = time.time()  # noqa: TID251 - the edge
    token_id = uuid7(unix_ms=int(now * 1000), randomness=secrets.token_bytes(10))
    sys.stdout.write(issuer.sign(claims, now=now, ttl=seconds(ttl, "--ttl"), token_id=token_id) + "\n")


def seconds(duration: str, option: str) -> float:
    """The seconds in `duration` (`90s`, `5m`, `1h`), the value of `option`.

    Raises:
        BadParameter: it is no duration.

    """
    try:
        return TypeAdapter[float](Seconds).validate_python(duration)
    except ValidationError as error:
        raise typer.BadParameter("write a number with a unit: `90s`, `5m`, `24h`", param_hint=option) from error


def _present(value: str, option: str) -> str:
    if not value:
        raise typer.BadParameter("must not be empty", param_hint=option)
    return value
