"""Whose password is whose: the one check behind login, change of password and Basic."""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import cachetools

from pdp.core.contract.errors import Refused, TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.tokens.local.accounts.account import Account, AccountState, AccountStore, AccountsUnavailableError
from pdp.tokens.local.accounts.address import normalised
from pdp.tokens.local.accounts.password import MAX_LENGTH, prepared
from pdp.tokens.local.accounts.standing import Standings
from pdp.tokens.local.attempts import BY_ADDRESS, BY_NAME, Attempts, network_of
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.local.secret_hash import HashingBusyError, SecretHash, SecretMismatchError

HELD: Final = 1024
HELD_SECONDS: Final = 300.0

_WRONG: Final = "e-mail address or password is wrong"


@dataclass(frozen=True, slots=True)
class _Held:
    version: int
    until: float


class Logins:
    """Checks passwords; unknown, invited and disabled accounts cost and answer what a wrong password does."""

    def __init__(self, store: AccountStore, *, hashing: SecretHash) -> None:
        self._store = store
        self._hashing = hashing
        self._by_name = Attempts(BY_NAME)
        self._by_address = Attempts(BY_ADDRESS)

    async def check(self, email: str, *, password: str, now: float, address: str | None = None) -> Account:
        """The account of `email` when `password` is its own; `address` is the client's, None where there is none.

        Raises:
            TokenError: `token_invalid`, `limit_exceeded` or `issuer_unavailable`.

        """
        name, known = _name(email), _known(email)
        # (1) the limits, which count the attempt before anything is known of it
        self._by_name.begin(name, now=now)
        network = network_of(address)
        if address is not None:
            self._by_address.begin(network, now=now)
        # (2) the account
        try:
            account = await self._find(known)
        except TokenError:
            self._forgive(name, network)
            raise
        # (3) its password, with as much work for one that is not there
        active = account is not None and account.state is AccountState.ACTIVE
        try:
            await self._hashing.verify(account.password if account and active else None, secret=_bounded(password))
        except HashingBusyError as error:
            self._forgive(name, network)
            raise TokenError(ReasonCode.LIMIT_EXCEEDED, "too many passwords are being checked") from error
        except SecretMismatchError as error:
            raise wrong() from error
        if account is None:
            raise wrong()  # not reached: nothing matches a password that is not there
        self._by_name.succeeded(name)
        if address is not None:
            self._by_address.forgive(network)
        return account

    def _forgive(self, name: str, network: str) -> None:
        """An attempt that we did not look at is none."""
        self._by_name.forgive(name)
        self._by_address.forgive(network)

    async def _find(self, email: str | None) -> Account | None:
        try:
            return await asyncio.to_thread(self._store.find, email or "")
        except AccountsUnavailableError as error:
            raise TokenError(ReasonCode.ISSUER_UNAVAILABLE, str(error)) from error


class AccountPasswords:
    """Passwords of accounts for scheme Basic, which sends them with every request.

    A password that was right is known for a while by a keyed digest, together with the account's version, which
    is looked at on every use; `secret` is the random key of the digests.
    """

    def __init__(self, logins: Logins, *, standings: Standings, issuer: LocalIssuer, secret: bytes) -> None:
        self._logins = logins
        self._standings = standings
        self._issuer = issuer
        self._secret = secret
        self._right: cachetools.LRUCache[bytes, _Held] = cachetools.LRUCache(HELD)
        self._flights: dict[bytes, asyncio.Task[Account]] = {}

    async def verify_password(self, name: str, *, password: str, now: float) -> VerifiedClaims:
        """The claims of the account `name` at Unix time `now`.

        Raises:
            TokenError: as `Logins.check`.

        """
        email = _known(name)
        text = f"{email}\0{password}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._secret, text, hashlib.sha256)
        account = await self._standings.find(email, now=now) if email is not None else None
        held = self._right.get(digest)
        if account is None or held is None or held.version != account.version or not _lasting(held, now):
            account = await self._checked(digest, name, password, now)
        return VerifiedClaims(
            self._issuer.alias,
            self._issuer.issuer,
            account.email,
            now + HELD_SECONDS,
            account.claims(),
            CredentialKind.PASSWORD,
        )

    async def _checked(self, digest: bytes, name: str, password: str, now: float) -> Account:
        """The account; requests that come at once with one password share one check of it."""
        flight = self._flights.get(digest)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._logins.check(name, password=password, now=now))
            self._flights[digest] = flight
            flight.add_done_callback(lambda done: self._land(digest, done, now))
        return await asyncio.shield(flight)

    def _land(self, digest: bytes, done: asyncio.Task[Account], now: float) -> None:
        self._flights.pop(digest, None)
        if not done.cancelled() and done.exception() is None:
            self._right[digest] = _Held(done.result().version, now + HELD_SECONDS)


def wrong() -> TokenError:
    """The one answer to whatever is wrong with a name or a password."""
    return TokenError(ReasonCode.TOKEN_INVALID, "no such account, or not its password", caller_text=_WRONG)


def _lasting(held: _Held, now: float) -> bool:
    return held.until - HELD_SECONDS <= now < held.until


def _known(email: str) -> str | None:
    try:
        return normalised(email)
    except Refused:
        return None


def _name(email: str) -> str:
    """What attempts on `email` are counted by, whether or not it is an address."""
    return hashlib.sha256((_known(email) or email[:512]).encode("utf-8", "surrogatepass")).hexdigest()


def _bounded(password: str) -> str:
    """A password longer than any account has costs no more than one."""
    text = prepared(password[: MAX_LENGTH + 1])
    return text if len(text) <= MAX_LENGTH and text.isprintable() else "\0"
