"""`toolgate accounts`: local accounts, for operators on this machine and for their holders anywhere."""

import getpass
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import httpx
import typer

from pdp.cli.config import ConfigOption
from pdp.core.contract.errors import Refused, UnusableError
from pdp.core.settings.load import read_settings
from pdp.core.settings.local_identity import LocalAccountSettings
from pdp.hosting.address import Exposure, host_exposure
from pdp.hosting.event_log import configure_event_log
from pdp.tokens.local.accounts.account import Account, AccountState, AccountStore, AccountsUnavailableError
from pdp.tokens.local.accounts.address import normalised
from pdp.tokens.local.accounts.mail import MailError
from pdp.tokens.local.accounts.service import Post, send_code
from pdp.tokens.local.opened import open_accounts, open_post

app: Final = typer.Typer(
    name="accounts",
    help="Local accounts: invite, list, disable, reset; join and log in.",
    epilog="Example: toolgate accounts invite alice@example.com --group eng",
    no_args_is_help=True,
)

TIMEOUT_SECONDS: Final = 30.0

_HOW: Final = "`{file}` has no local accounts: `identity.local_accounts` and `identity.local_issuer` switch them on"
_OK: Final = range(200, 300)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EmailArgument = Annotated[str, typer.Argument(help="The account's e-mail address.", metavar="EMAIL")]
UrlOption = Annotated[str, typer.Option("--url", help="The gateway.", metavar="URL")]


@dataclass(frozen=True, slots=True)
class _Office:
    """Where an operator works."""

    store: AccountStore
    post: Post
    settings: LocalAccountSettings


@app.callback()
def _accounts() -> None:
    """Local accounts: invite, list, disable, reset; join and log in."""


@app.command(epilog="Example: toolgate accounts invite alice@example.com --group eng --role reviewer")
def invite(
    email: EmailArgument,
    *,
    group: Annotated[list[str] | None, typer.Option(help="A group of theirs; may be repeated.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role of theirs; may be repeated.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope; may be repeated.")] = None,
    config: ConfigOption = Path("toolgate.yaml"),
) -> None:
    """Make an account and mail a code to its holder; again for one who has not joined yet."""
    wanted = Account(_address(email), groups=tuple(group or ()), roles=tuple(role or ()), scopes=tuple(scope or ()))
    with _office(config) as office:
        account = office.store.invite(wanted)
        if account.state is not AccountState.INVITED:
            raise UnusableError(f"`{account.email}` has an account, which is {account.state}")
        _mail(account, office, ttl=office.settings.invitation_ttl)
    _print(f"`{account.email}` is invited")


@app.command("list", epilog="Example: toolgate accounts list --json")
def show(*, as_json: JsonOption = False, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """Show every account."""
    with _office(config) as office:
        rows = [_shown(account) for account in office.store.all()]
    if as_json:
        _print(json.dumps({"accounts": rows}, indent=2))
        return
    for row in rows:
        _print(f"{row['state']:<8}  {row['email']}  {' '.join(row['groups'])}".rstrip())


@app.command(epilog="Example: toolgate accounts disable alice@example.com")
def disable(email: EmailArgument, *, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """End an account; tokens given to it end within seconds."""
    _set_state(email, AccountState.DISABLED, config)


@app.command(epilog="Example: toolgate accounts enable alice@example.com")
def enable(email: EmailArgument, *, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """Let a disabled account in again, with the password it had; without one, it is invited again."""
    with _office(config) as office:
        account = office.store.find(_address(email))
    has_password = account is not None and account.password is not None
    _set_state(email, AccountState.ACTIVE if has_password else AccountState.INVITED, config)


@app.command(epilog="Example: toolgate accounts reset alice@example.com")
def reset(email: EmailArgument, *, config: ConfigOption = Path("toolgate.yaml")) -> None:
    """Mail a code for a new password."""
    with _office(config) as office:
        account = _known(office.store.find(_address(email)), email)
        if account.state is not AccountState.ACTIVE:
            raise UnusableError(f"`{account.email}` is {account.state}: only an active account gets a new password")
        _mail(account, office, ttl=office.settings.reset_ttl)
    _print(f"`{account.email}` gets a mail")


@app.command(epilog="Example: toolgate accounts join --url https://gateway.example.com")
def join(*, url: UrlOption) -> None:
    """Choose a password with the code from a mail; both are asked for."""
    _check_url(url)
    code = _secret("Code: ")
    password = _secret("New password (12 characters or more): ")
    _ask(url, "join", {"code": code, "password": password})
    _print("the password is set: log in with `toolgate accounts login`")


@app.command(epilog='Example: TOKEN="$(toolgate accounts login alice@example.com --url https://gateway.example.com)"')
def login(email: EmailArgument, *, url: UrlOption, as_json: JsonOption = False) -> None:
    """Ask for the password, without echo, and print a token."""
    _check_url(url)
    answer = _ask(url, "login", {"email": email, "password": _secret("Password: ")})
    _print(json.dumps(answer, indent=2) if as_json else str(answer["access_token"]))


def _set_state(email: str, state: AccountState, config: Path) -> None:
    with _office(config) as office:
        account = _known(office.store.set_state(_address(email), state=state), email)
    _print(f"`{account.email}` is {account.state}")


@contextmanager
def _office(config: Path) -> Iterator[_Office]:
    identity = read_settings(config, environ=os.environ).settings.identity  # noqa: TID251 - the edge
    if identity.local_accounts is None or identity.local_issuer is None:
        raise UnusableError(_HOW.format(file=config))
    log = configure_event_log(sys.stderr)
    post = open_post(identity.local_accounts, issuer=identity.local_issuer.issuer, base=config.parent, log=log)
    store = open_accounts(identity.local_accounts, base=config.parent)
    try:
        yield _Office(store, post, identity.local_accounts)
    except (AccountsUnavailableError, MailError) as error:
        raise UnusableError(str(error)) from error
    finally:
        store.close()


def _mail(account: Account, office: _Office, *, ttl: float) -> None:
    now = time.time()  # noqa: TID251 - the edge
    send_code(account, store=office.store, post=office.post, random=secrets.token_bytes, now=now, ttl=ttl)


def _address(email: str) -> str:
    try:
        return normalised(email)
    except Refused as error:
        raise typer.BadParameter(error.detail, param_hint="EMAIL") from error


def _known(account: Account | None, email: str) -> Account:
    if account is None:
        raise UnusableError(f"there is no account `{email}`: `toolgate accounts list` shows those there are")
    return account


def _shown(account: Account) -> dict[str, Any]:
    lists = {name: list(getattr(account, name)) for name in ("groups", "roles", "scopes")}
    return {"email": account.email, "state": account.state.value, **lists}


def _secret(prompt: str) -> str:
    """What is typed without echo; where nobody types, one line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    return sys.stdin.readline().rstrip("\r\n")


def _check_url(url: str) -> None:
    """Return when a password may go to `url`: over https, or to this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and host_exposure(parts.hostname or "") is not Exposure.LOOPBACK:
        raise UnusableError(f"`{url}` is not https, so it gets no password")


def _ask(url: str, page: str, body: dict[str, str]) -> dict[str, Any]:
    try:
        answer = httpx.post(f"{url.rstrip('/')}/accounts/{page}", json=body, timeout=TIMEOUT_SECONDS)
        content = answer.json() if answer.content else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UnusableError(f"`{url}` does not answer as a gateway does: {type(error).__name__}") from error
    if answer.status_code not in _OK or not isinstance(content, dict):
        text = content.get("message") if isinstance(content, dict) else None
        raise UnusableError(f"`{url}` refuses: {text or answer.status_code}")
    return content


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
