"""`toolgate keys`: API keys for programs that cannot get a token."""

import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from pdp.cli.config import ConfigOption
from pdp.cli.dev import seconds
from pdp.cli.terminal import visible
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.core.identity.principal import PrincipalType
from pdp.core.settings.load import read_settings
from pdp.tokens.local.api_keys.editing import added, revoked, rotated
from pdp.tokens.local.api_keys.entry import KeyEntry
from pdp.tokens.local.api_keys.key_file import KeyFile
from pdp.tokens.local.api_keys.key_text import ID_BYTES, SECRET_BYTES, ApiKey, new_key
from pdp.tokens.local.argon2_hash import hash_secret

app: Final = typer.Typer(
    name="keys",
    help="Make, list, rotate and revoke API keys.",
    epilog="Example: toolgate keys create --subject nightly-build --type agent --group ci",
    no_args_is_help=True,
)

_HOW: Final = "`{file}` has no API keys. To take them, write\n\nidentity:\n  api_keys: {{}}\n"

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TtlOption = Annotated[str, typer.Option("--ttl", help="How long it is good for.", metavar="DURATION")]
IdArgument = Annotated[str, typer.Argument(help="The key's public id.", metavar="ID")]


@app.callback()
def _keys() -> None:
    """Make, list, rotate and revoke API keys."""


@app.command(epilog="Example: toolgate keys create --subject nightly-build --type agent --group ci --ttl 720h")
def create(  # noqa: PLR0913 - one for each option
    *,
    subject: Annotated[str, typer.Option(help="Whom the key speaks for.", metavar="NAME")],
    kind: Annotated[PrincipalType, typer.Option("--type", help="What that is.")] = PrincipalType.USER,
    group: Annotated[list[str] | None, typer.Option(help="A group of theirs; may be repeated.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role of theirs; may be repeated.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope; may be repeated.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Their tenant.")] = None,
    ttl: TtlOption = "2160h",
    as_json: JsonOption = False,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Make a key and print it, this once."""
    file, key = _file(config), _new_key()
    entry = msgspec.structs.replace(
        _entry(key, subject, ttl),
        type=kind,
        groups=tuple(group or ()),
        roles=tuple(role or ()),
        scopes=tuple(scope or ()),
        tenant=tenant,
    )
    file.change(lambda entries: added(entries, entry=_checked(entry)))
    _print_new(key, entry, as_json=as_json)


@app.command("list", epilog="Example: toolgate keys list --json")
def show(*, as_json: JsonOption = False, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """Show every key with whom it speaks for and until when; never a secret or its hash."""
    now = _now()
    _, entries = _file(config).read()
    rows = [_shown(entry, now) for entry in entries]
    if as_json:
        _print(json.dumps({"keys": rows}, indent=2))
        return
    for row in rows:
        _print(f"{row['id']}  {row['state']:<8}  until {row['expires']}  {row['type']} {visible(row['subject'])}")


@app.command(epilog="Example: toolgate keys rotate 4x7cg5nqkq2vw3zj --overlap 24h")
def rotate(
    key_id: IdArgument,
    *,
    overlap: Annotated[str, typer.Option(help="How long the old key goes on.", metavar="DURATION")] = "24h",
    ttl: TtlOption = "2160h",
    as_json: JsonOption = False,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Make another key for the same principal and print it; for a while both are good."""
    file, key = _file(config), _new_key()
    new, lasting, now = _entry(key, "-", ttl), seconds(overlap, "--overlap"), _now()
    made: list[KeyEntry] = []

    def change(entries: Any) -> list[KeyEntry]:
        after, entry = rotated(entries, old=key_id, new=new, now=now, overlap=lasting)
        made.append(entry)
        return after

    file.change(change)
    _print_new(key, made[0], as_json=as_json)


@app.command(epilog="Example: toolgate keys revoke 4x7cg5nqkq2vw3zj")
def revoke(key_id: IdArgument, *, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """End a key; running gateways notice within seconds."""
    now = _now()
    _file(config).change(lambda entries: revoked(entries, key_id=key_id, now=now))
    _print(f"`{key_id}` is revoked")


def _file(config: Path) -> KeyFile:
    identity = read_settings(config, environ=os.environ).settings.identity  # noqa: TID251 - the edge
    if identity.api_keys is None:
        raise UnusableError(_HOW.format(file=config))
    return KeyFile(config.parent / identity.api_keys.file)


def _new_key() -> ApiKey:
    return new_key(randomness=secrets.token_bytes(ID_BYTES + SECRET_BYTES))


def _entry(key: ApiKey, subject: str, ttl: str) -> KeyEntry:
    now, lasting = _now(), seconds(ttl, "--ttl")
    return KeyEntry(
        id=key.id,
        subject=subject,
        hash=hash_secret(key.secret),
        created=rfc3339(now),
        expires=rfc3339(now + lasting),
    )


def _checked(entry: KeyEntry) -> KeyEntry:
    """`entry` when the file may hold it: options can be empty or too long."""
    try:
        return msgspec.convert(msgspec.to_builtins(entry), KeyEntry)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error)) from error


def _print_new(key: ApiKey, entry: KeyEntry, *, as_json: bool) -> None:
    if as_json:
        _print(
            json.dumps({"id": key.id, "key": key.text, "subject": entry.subject, "expires": entry.expires}, indent=2)
        )
        return
    _print(key.text)
    sys.stderr.write(f"for `{visible(entry.subject)}` until {entry.expires}; it is not shown again\n")


def _shown(entry: KeyEntry, now: float) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(entry)
    del row["hash"]
    state = "revoked" if entry.revoked else "expired" if entry.expires_at <= now else "good"
    return row | {"state": state}


def _now() -> float:
    return time.time()  # noqa: TID251 - the edge


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
