"""What holders of accounts can do: log in, join, ask for a new password, change it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import Refused, TokenError
from pdp.core.contract.identifier import uuid7
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.local.accounts.account import Account, AccountState, AccountStore, AccountsUnavailableError, CodePurpose
from pdp.tokens.local.accounts.address import normalised
from pdp.tokens.local.accounts.code import CODE_BYTES, code_digest, new_code
from pdp.tokens.local.accounts.login import Logins, wrong
from pdp.tokens.local.accounts.mail import Mailer, MailError, letter
from pdp.tokens.local.accounts.password import check_password, prepared
from pdp.tokens.local.attempts import BY_ADDRESS, BY_MAIL, Attempts, network_of
from pdp.tokens.local.local_issuer import IssuedToken, LocalIssuer
from pdp.tokens.local.secret_hash import HashingBusyError, SecretHash

MAX_MAILS: Final = 20
"""Mails on their way at once; more are dropped, and logged."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Post:
    """How codes get to people: `place` is the gateway's URL, `reset_ttl` seconds for which a code is good."""

    mailer: Mailer
    place: str
    reset_ttl: float


class Accounts:
    """The accounts in `store`; `random` gives so many random bytes. Every event that matters is logged."""

    def __init__(
        self,
        store: AccountStore,
        *,
        hashing: SecretHash,
        issuer: LocalIssuer,
        post: Post,
        random: Callable[[int], bytes],
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._hashing = hashing
        self._issuer = issuer
        self._post = post
        self._random = random
        self._log = log
        self._logins = Logins(store, hashing=hashing)
        self._mails_to = Attempts(BY_MAIL)
        self._by_address = Attempts(BY_ADDRESS)
        self._sending: set[asyncio.Task[None]] = set()

    async def login(self, email: str, *, password: str, address: str, now: float) -> IssuedToken:
        """A token for the account of `email`, asked for from the client's `address`.

        Raises:
            TokenError: as `Logins.check`.

        """
        account = await self._checked(email, password, address, now)
        self._log.info("account_login", account=account.email, address=address)
        token_id = uuid7(unix_ms=int(now * 1000), randomness=self._random(10))
        return self._issuer.issue(account.claims() | {"ver": account.version}, now=now, token_id=token_id)

    async def join(self, code: str, *, password: str, address: str, now: float) -> None:
        """Give the holder of `code`, from a mail, the password `password`; the account is active then.

        Raises:
            TokenError: `token_invalid`: there is no such code, or not any more; `limit_exceeded`.
            Refused: `request_invalid`: the password will not do; the code stays good.

        """
        network = network_of(address)
        self._by_address.begin(network, now=now)
        digest, password = code_digest(code), prepared(password)
        account = await self._ask(lambda: self._store.holder(digest, now=now))
        if account is None:
            self._log.warning("account_code_refused", address=address)
            raise _no_code()
        check_password(password, email=account.email)
        encoded = await self._hashed(password)
        joined = await self._ask(lambda: self._store.redeem(digest, password=encoded, now=now))
        if joined is None:
            raise _no_code()
        self._by_address.forgive(network)
        self._log.info("account_password_set", account=joined.email, address=address, by="code")

    async def change(self, email: str, *, password: str, new: str, address: str, now: float) -> None:
        """Change the password of `email`; tokens that were given before end.

        Raises:
            TokenError: as `Logins.check`.
            Refused: `request_invalid`: the new password will not do.

        """
        account = await self._checked(email, password, address, now)
        new = prepared(new)
        check_password(new, email=account.email)
        encoded = await self._hashed(new)
        version = account.version
        if await self._ask(lambda: self._store.set_password(account.email, password=encoded, version=version)) is None:
            raise wrong()
        self._log.info("account_password_set", account=account.email, address=address, by="password")

    async def reset(self, email: str, *, address: str, now: float) -> None:
        """Send a code for a new password to `email` where it has an account; whether it has, nobody learns here.

        Raises:
            TokenError: `limit_exceeded`: too many were asked for from that address.

        """
        self._by_address.begin(network_of(address), now=now)
        self._log.info("account_reset_asked", address=address)
        if len(self._sending) >= MAX_MAILS:
            self._log.warning("account_mail_dropped", waiting=len(self._sending))
            return
        # In the background: how long it takes would tell whether there is an account.
        task = asyncio.get_running_loop().create_task(self._send(email, now))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def aclose(self) -> None:
        """Wait until every mail has gone out, or was given up."""
        while self._sending:
            await asyncio.wait(set(self._sending))

    async def _send(self, email: str, now: float) -> None:
        try:
            known = normalised(email)
            self._mails_to.begin(known, now=now)
            account = await asyncio.to_thread(self._store.find, known)
            if account is None or account.state is not AccountState.ACTIVE:
                return
            await asyncio.to_thread(
                send_code, account, store=self._store, post=self._post, random=self._random, now=now
            )
        except (Refused, AccountsUnavailableError, MailError) as error:
            self._log.warning("account_mail_failed", cause=str(error))

    async def _checked(self, email: str, password: str, address: str, now: float) -> Account:
        try:
            return await self._logins.check(email, password=password, address=address, now=now)
        except TokenError as error:
            self._log.warning("account_login_refused", code=error.code, address=address)
            raise

    async def _hashed(self, password: str) -> str:
        try:
            return await self._hashing.make(password)
        except HashingBusyError as error:
            raise TokenError(ReasonCode.LIMIT_EXCEEDED, "too many passwords are being hashed") from error

    async def _ask(self, question: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(question)
        except AccountsUnavailableError as error:
            raise TokenError(ReasonCode.ISSUER_UNAVAILABLE, str(error)) from error


def send_code(
    account: Account,
    *,
    store: AccountStore,
    post: Post,
    random: Callable[[int], bytes],
    now: float,
    ttl: float | None = None,
) -> None:
    """Mail `account` a code: to join while it is invited, else for a new password; blocks.

    `ttl` is seconds, None for that of a reset.

    Raises:
        MailError: the mail did not go out.
        AccountsUnavailableError: the code cannot be kept.

    """
    purpose = CodePurpose.INVITATION if account.state is AccountState.INVITED else CodePurpose.RESET
    code, lasting = new_code(random(CODE_BYTES)), post.reset_ttl if ttl is None else ttl
    store.put_code(code_digest(code), email=account.email, purpose=purpose, expires_at=now + lasting)
    sender = post.mailer.server.sender
    post.mailer.send(
        letter(code, to=account.email, purpose=purpose, place=post.place, hours=lasting / 3600, sender=sender)
    )


def _no_code() -> TokenError:
    text = "there is no such code, or not any more"
    return TokenError(ReasonCode.TOKEN_INVALID, text, caller_text=text)
