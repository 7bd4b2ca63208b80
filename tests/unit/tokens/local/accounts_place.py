"""Accounts in a real database, with a hash and a mail server in memory."""

import json
import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import jwt

from pdp.core.settings.local_identity import LocalIssuerSettings, MailSecurity
from pdp.tokens.local.accounts.account import Account
from pdp.tokens.local.accounts.mail import Mailer, MailError, MailServer
from pdp.tokens.local.accounts.service import Accounts, Post, send_code
from pdp.tokens.local.accounts.sql_store import SqlAccounts
from pdp.tokens.local.local_issuer import IssuedToken, LocalIssuer
from tests.unit.tokens.local.hashing import PlainHash
from tests.unit.tokens.minting import NOW, Events

EMAIL = "alice@example.com"
PASSWORD = "correct horse battery"
ISSUER_SETTINGS = LocalIssuerSettings(
    issuer="https://gate.example.com",
    audience="https://gate.example.com/mcp",
    token_ttl="15m",  # type: ignore[arg-type]
)
CODE = re.compile(rb"[a-z2-7]{8}(?:-[a-z2-7]{8}){3}")


class Postbox(Mailer):
    """Keeps what it is given."""

    def __init__(self, events: Events) -> None:
        server = MailServer("mail.test", 25, MailSecurity.TLS, "toolgate@example.com", 1.0)
        super().__init__(server, log=events.log())
        self.sent: list[EmailMessage] = []
        self.down = False

    def send(self, message: EmailMessage) -> None:
        if self.down:
            raise MailError("the mail server does not take the mail: ConnectionRefusedError")
        self.sent.append(message)

    @property
    def code(self) -> str:
        """The code in the last mail."""
        found = CODE.search(self.sent[-1].as_bytes())
        assert found is not None
        return found[0].decode()


class Randomness:
    """Bytes that are never the same twice."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, length: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(length)


@dataclass
class Place:
    """Everything around the accounts."""

    folder: Path
    events: Events = field(default_factory=Events)
    hashing: PlainHash = field(default_factory=PlainHash)
    random: Randomness = field(default_factory=Randomness)

    def __post_init__(self) -> None:
        self.store = SqlAccounts("sqlite:///accounts.db", base=self.folder)
        self.issuer = LocalIssuer.open(ISSUER_SETTINGS, base=self.folder)
        self.box = Postbox(self.events)
        self.post = Post(self.box, "https://gate.example.com", 3600.0)
        self.accounts = Accounts(
            self.store,
            hashing=self.hashing,
            issuer=self.issuer,
            post=self.post,
            random=self.random,
            log=self.events.log(),
        )

    def invite(self, email: str = EMAIL, **more: Any) -> str:
        """The code that the invited one got."""
        account = self.store.invite(Account(email, **more))
        send_code(account, store=self.store, post=self.post, random=self.random, now=NOW, ttl=7200.0)
        return self.box.code

    async def join(self, code: str, *, password: str = PASSWORD, now: float = NOW, address: str = "192.0.2.1") -> None:
        await self.accounts.join(code, password=password, address=address, now=now)

    async def member(self, email: str = EMAIL, **more: Any) -> None:
        await self.join(self.invite(email, **more))

    async def login(
        self, email: str = EMAIL, *, password: str = PASSWORD, now: float = NOW, address: str = "192.0.2.1"
    ) -> IssuedToken:
        return await self.accounts.login(email, password=password, address=address, now=now)


def claims_of(token: IssuedToken) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token.text, options={"verify_signature": False})
    return json.loads(json.dumps(decoded))  # type: ignore[no-any-return]
