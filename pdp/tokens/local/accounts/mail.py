"""Mail to holders of accounts: what it says, and how it goes out (RFC 5321, RFC 3207)."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import ToolgateError
from pdp.core.settings.local_identity import MailSecurity
from pdp.tokens.local.accounts.account import CodePurpose

_SUBJECT: Final = {
    CodePurpose.INVITATION: "You are invited to {place}",
    CodePurpose.RESET: "A new password for {place}",
}
_TEXT: Final = {
    CodePurpose.INVITATION: "You are invited to {place}. To choose a password, run\n",
    CodePurpose.RESET: "Somebody asked for a new password for your account at {place}. To choose one, run\n",
}
_REST: Final = """
    toolgate accounts join --url {place}

and give this code when asked for it:

    {code}

It is good once, for {hours:g} hours. If you did not expect this mail, there is nothing to do.
"""


class MailError(ToolgateError):
    """A mail did not go out; the message says at which step, never to whom or what."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes out: `password` is None where nobody logs in; `timeout` is seconds for each step."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    timeout: float
    user: str | None = None
    password: str | None = None
    trust: ssl.SSLContext | None = None


def letter(code: str, *, to: str, purpose: CodePurpose, place: str, hours: float, sender: str) -> EmailMessage:
    """The mail that brings `code`, good for `hours`, for the gateway at the URL `place`."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, to
    message["Subject"] = _SUBJECT[purpose].format(place=place)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_TEXT[purpose].format(place=place) + _REST.format(place=place, code=code, hours=hours))
    return message


class Mailer:
    """Sends mail through `server`; blocks."""

    def __init__(self, server: MailServer, *, log: FilteringBoundLogger) -> None:
        self.server = server
        self._log = log

    def send(self, message: EmailMessage) -> None:
        """Hand `message` over to the server.

        Raises:
            MailError: it did not take it, or cannot be reached as it must be.

        """
        server = self.server
        trust = server.trust or ssl.create_default_context()
        if server.security is MailSecurity.UNSAFE_PLAIN:
            self._log.warning("unsafe_plain_mail", host=server.host)
        try:
            with self._connect(trust) as connection:
                if server.security is MailSecurity.STARTTLS:
                    connection.starttls(context=trust)
                if server.user is not None and server.password is not None:
                    connection.login(server.user, server.password)
                connection.send_message(message)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # What servers say may quote the recipient.
            raise MailError(f"the mail server does not take the mail: {type(error).__name__}") from error

    def _connect(self, trust: ssl.SSLContext) -> smtplib.SMTP:
        server = self.server
        if server.security is MailSecurity.TLS:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=trust)
        return smtplib.SMTP(server.host, server.port, timeout=server.timeout)
