"""`toolgate identity`: what the claims mapping makes of somebody's token."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer

from pdp.cli.identity_view import Trust, as_json, lines
from pdp.cli.sources import ConfigOption, PoliciesOption, directories
from pdp.core.bundle.content import IDENTITY_FILE
from pdp.core.contract import base64url
from pdp.core.contract.errors import MessageError, TokenError, UnusableError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import mapped_by
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.mapping_file import read_mapping
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.load import read_settings
from pdp.tokens.presented import bearer
from pdp.tokens.trust import build_authenticator

app: Final = typer.Typer(
    name="identity",
    help="Say what the claims mapping makes of a token.",
    epilog="Example: toolgate identity explain claims.json --issuer corp",
    no_args_is_help=True,
)

_CONFIG: Final = Path("toolgate.yaml")
_STDIN: Final = "-"
_SEGMENTS: Final = 3
_LONGEST_NAME: Final = 255
_LIMITS: Final = JsonLimits(max_bytes=256 * 1024, max_depth=32)

SourceArgument = Annotated[
    str, typer.Argument(help="A JWT, claims as JSON, or a file with one of them; `-` reads it.", metavar="TOKEN")
]
IssuerOption = Annotated[
    str | None, typer.Option(help="The alias of its issuer; without it, the one that the configuration has.")
]


@dataclass(frozen=True, slots=True)
class _Given:
    """What is to be explained: claims, and the token that they are in, None where they came alone."""

    claims: Mapping[str, Any]
    token: str | None


@app.callback()
def _identity() -> None:
    """Say what the claims mapping makes of a token."""


@app.command(epilog='Example: toolgate identity explain - --issuer corp < claims.json; or with "$TOKEN" --verify')
def explain(
    source: SourceArgument,
    *,
    issuer: IssuerOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Believe the token only as the gateway would.")] = False,
    print_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
    policies: PoliciesOption = None,
) -> None:
    """Say which principal a token or claims make, and from which claim each part comes; exit 1 when none."""
    given = _given(source)
    mapping = _mapping(directories(config=config, policies=policies).policies)
    identity, base = _settings(config)
    if verify:
        claims, trust = _verified(given, identity, base), Trust.VERIFIED
    else:
        claims, trust = _claimed(given, issuer, identity), Trust.NOT_VERIFIED
    mapped = mapped_by(mapping, claims)
    if print_json:
        text = json.dumps(as_json(mapped, claims=claims, mapping=mapping, trust=trust), indent=2)
    else:
        text = "\n".join(lines(mapped, claims=claims, mapping=mapping, trust=trust))
    sys.stdout.write(f"{text}\n")
    raise typer.Exit(0 if mapped.principal is not None else 1)


def _given(source: str) -> _Given:
    """The claims in `source`; no message quotes it, for it may be a token.

    Raises:
        UnusableError: it has none.

    """
    text = _text(source).strip()
    if text.startswith("{"):
        return _Given(_object(text.encode()), None)
    segments = text.removeprefix("Bearer ").split(".")
    if len(segments) != _SEGMENTS:
        raise UnusableError("this is no JWT, no claims as JSON and no file: an opaque token says nothing by itself")
    try:
        body = base64url.decode(segments[1])
    except ValueError as error:
        raise UnusableError("the JWT's payload is not base64url") from error
    return _Given(_object(body), ".".join(segments))


def _text(source: str) -> str:
    try:
        if source == _STDIN:
            return sys.stdin.read(_LIMITS.max_bytes + 1)
        if len(source) <= _LONGEST_NAME and Path(source).is_file():
            return Path(source).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError("the claims cannot be read: no UTF-8, or no permission") from error
    return source


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        claims = parse(raw, limits=_LIMITS)
    except MessageError as error:
        raise UnusableError(f"the claims are not JSON: {error.caller_text}") from error
    if not isinstance(claims, dict):
        raise UnusableError("the claims are no JSON object")
    return claims


def _mapping(policies: Path) -> IdentityMapping:
    """As a bundle of that directory would have it, whatever is wrong with its policies."""
    file = policies / Path(IDENTITY_FILE).name
    return read_mapping(file.read_bytes(), file=str(file)) if file.is_file() else BUILT_IN


def _settings(config: Path | None) -> tuple[IdentitySettings, Path]:
    file = config or _CONFIG
    if config is None and not file.exists():
        return IdentitySettings(), Path()
    return read_settings(file, environ=os.environ).settings.identity, file.parent  # noqa: TID251 - the edge


def _claimed(given: _Given, alias: str | None, identity: IdentitySettings) -> VerifiedClaims:
    """The claims as if they were verified.

    Raises:
        UnusableError: their issuer has no alias, or they have no subject.

    """
    issuer, subject = given.claims.get("iss", ""), given.claims.get("sub")
    known = {one.issuer: one.alias for one in identity.issuers}
    if identity.unsafe_dev_issuer is not None:
        known[identity.unsafe_dev_issuer.issuer] = identity.unsafe_dev_issuer.alias
    alias = alias or (known.get(issuer) if isinstance(issuer, str) else None)
    if alias is None:
        raise UnusableError("the configuration has no issuer of these claims: name its alias with `--issuer`")
    if not isinstance(subject, str) or not subject:
        raise UnusableError("no token without the claim `sub` is ever believed")
    return VerifiedClaims(alias, str(issuer), subject, 0.0, given.claims)


def _verified(given: _Given, identity: IdentitySettings, base: Path) -> VerifiedClaims:
    """The claims of the token as the gateway believes them; a token bound to its holder is not, without a proof.

    Raises:
        UnusableError: there is no token, or it is not believed.

    """
    if given.token is None:
        raise UnusableError("`--verify` needs the token: claims alone show nothing")
    authenticator = build_authenticator(
        identity, base=base, log=structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    )
    now = time.time()  # noqa: TID251 - the edge
    try:
        return asyncio.run(authenticator.authenticate(bearer(given.token), now=now))
    except TokenError as error:
        raise UnusableError(f"the token is not believed: {error.code}: {error.detail}") from error
