"""What the settings ask for of credentials of our own, opened; and everything that is wrong with those settings."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import Problem, UnusableError
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.local_identity import LocalAccountSettings, MailSettings
from pdp.core.settings.model import Settings
from pdp.hosting.address import Exposure, listen_address
from pdp.tokens.local.accounts.account import AccountStore
from pdp.tokens.local.accounts.login import AccountPasswords, Logins
from pdp.tokens.local.accounts.mail import Mailer, MailServer
from pdp.tokens.local.accounts.service import Accounts, Post
from pdp.tokens.local.accounts.standing import Standings
from pdp.tokens.local.api_keys.key_file import KeyFile
from pdp.tokens.local.api_keys.key_ring import KeyRing
from pdp.tokens.local.api_keys.key_text import KEY_PREFIX
from pdp.tokens.local.api_keys.verifier import KeyVerifier
from pdp.tokens.local.basic import BasicVerifier
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.local.local_tokens import LocalTokens
from pdp.tokens.local.secret_hash import from_extra, open_secret_hash
from pdp.tokens.secret_file import read_secret
from pdp.tokens.verification import Verifier

_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class LocalCredentials:
    """Verifiers of credentials of our own; what is not configured is None or not there."""

    prefixed: Mapping[str, Verifier]
    passwords: Verifier | None
    issuer: LocalIssuer | None
    standings: Standings | None
    providers: Mapping[str, str]

    def around(self, signed: Verifier) -> Verifier:
        """`signed` with our own issuer's tokens understood."""
        if self.issuer is None:
            return signed
        return LocalTokens(signed, alias=self.issuer.alias, providers=self.providers, standings=self.standings)


def open_credentials(identity: IdentitySettings, *, base: Path, log: FilteringBoundLogger) -> LocalCredentials:
    """The verifiers that `identity` asks for; files are relative to `base`.

    Raises:
        UnusableError: a file or the store cannot be used, or the extra is not installed.

    """
    issuer = None if identity.local_issuer is None else LocalIssuer.open(identity.local_issuer, base=base)
    hashing = open_secret_hash() if identity.api_keys is not None or identity.basic else None
    keys: Verifier | None = None
    if identity.api_keys is not None and hashing is not None:
        ring = KeyRing(KeyFile(base / identity.api_keys.file), log=log)
        keys = KeyVerifier(ring, hashing=hashing, alias=identity.api_keys.alias)
    passwords, standings = None, None
    if identity.local_accounts is not None and issuer is not None:
        store = open_accounts(identity.local_accounts, base=base)
        standings = Standings(store)
        if hashing is not None:
            logins, secret = Logins(store, hashing=hashing), secrets.token_bytes(_SECRET_BYTES)
            passwords = AccountPasswords(logins, standings=standings, issuer=issuer, secret=secret)
    return LocalCredentials(
        prefixed={} if keys is None else {KEY_PREFIX: keys},
        passwords=BasicVerifier(keys=keys, passwords=passwords) if identity.basic else None,
        issuer=issuer,
        standings=standings,
        providers=providers_of(identity),
    )


def open_accounts(accounts: LocalAccountSettings, *, base: Path) -> AccountStore:
    """The store of `accounts`.

    Raises:
        UnusableError: it cannot be opened, or the extra is not installed.

    """
    module = from_extra("pdp.tokens.local.accounts.sql_store", purpose="local accounts")
    store: AccountStore = module.SqlAccounts(accounts.url, base=base)
    return store


def open_account_service(
    accounts: LocalAccountSettings,
    *,
    issuer: LocalIssuer,
    base: Path,
    random: Callable[[int], bytes],
    log: FilteringBoundLogger,
) -> Accounts:
    """What holders of `accounts` can do; `random` gives so many random bytes.

    Raises:
        UnusableError: the store or a file cannot be used, or the extra is not installed.

    """
    return Accounts(
        open_accounts(accounts, base=base),
        hashing=open_secret_hash(),
        issuer=issuer,
        post=open_post(accounts, issuer=issuer.issuer, base=base, log=log),
        random=random,
        log=log,
    )


def open_post(accounts: LocalAccountSettings, *, issuer: str, base: Path, log: FilteringBoundLogger) -> Post:
    """How codes get to the holders of `accounts`, who find the gateway where `issuer` is.

    Raises:
        UnusableError: the file with the mail server's password cannot be used.

    """
    parts = urlsplit(issuer)
    mailer = open_mailer(accounts.mail, base=base, log=log)
    return Post(mailer, f"{parts.scheme}://{parts.netloc}", accounts.reset_ttl)


def open_mailer(mail: MailSettings, *, base: Path, log: FilteringBoundLogger) -> Mailer:
    """What sends mail through the server of `mail`.

    Raises:
        UnusableError: the file with the password cannot be used.

    """
    try:
        password = None if mail.password is None else read_secret(base / mail.password).decode("utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UnusableError(f"`{mail.password}` holds no password of the mail server") from error
    return Mailer(
        MailServer(mail.host, mail.port, mail.security, mail.sender, mail.timeout, mail.user, password), log=log
    )


def providers_of(identity: IdentitySettings) -> dict[str, str]:
    """The issuers by alias whose assertions are exchanged."""
    named = () if identity.id_jag is None else identity.id_jag.issuers
    return {issuer.alias: issuer.issuer for issuer in identity.issuers if issuer.alias in named}


def local_problems(identity: IdentitySettings) -> list[Problem]:
    """What keeps credentials of our own from being verified as configured."""
    problems = []
    if identity.local_issuer is None and (identity.local_accounts is not None or identity.id_jag is not None):
        text = "local accounts and exchanged assertions get their tokens from `identity.local_issuer`: write one"
        problems.append(Problem("identity.local_issuer", 0, 0, "local_issuer_missing", text))
    if identity.basic and identity.api_keys is None and identity.local_accounts is None:
        text = "Basic authentication needs `identity.api_keys` or `identity.local_accounts`"
        problems.append(Problem("identity.basic", 0, 0, "basic_without_passwords", text))
    unknown = set(identity.id_jag.issuers) - {issuer.alias for issuer in identity.issuers} if identity.id_jag else set()
    for alias in sorted(unknown):
        text = f"`{alias}` is the alias of no issuer in `identity.issuers`"
        problems.append(Problem("identity.id_jag.issuers", 0, 0, "issuer_unknown", text))
    return problems


def refuse_secrets_in_the_clear(settings: Settings) -> tuple[Problem, ...]:
    """A problem where passwords or clients' secrets would cross the network unprotected.

    Raises:
        ConfigurationError: a listen address cannot be read.

    """
    identity, gateway = settings.identity, settings.gateway
    asked = {
        "identity.basic": identity.basic,
        "identity.local_accounts": identity.local_accounts is not None,
        "identity.id_jag": identity.id_jag is not None,
    }
    if listen_address(gateway.listen, setting="gateway.listen").exposure is Exposure.LOOPBACK:
        return ()
    if gateway.resource is not None and urlsplit(gateway.resource).scheme == "https":
        return ()
    text = "`{setting}` needs https before a gateway that the network can reach: its URL goes into `gateway.resource`"
    return tuple(
        Problem(setting, 0, 0, "secrets_in_the_clear", text.format(setting=setting))
        for setting, is_asked in asked.items()
        if is_asked
    )
