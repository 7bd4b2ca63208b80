"""Notifications of pushes: each that is signed has the source looked at now, and nothing else in it is believed."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import UnusableError
from pdp.server.access import Caller
from pdp.server.exchange import TEXT, Answer, RefusedExchange, Request

WEBHOOK_PATH: Final = "/hooks/git"
TOLERANCE: Final = 300
"""Seconds by which the time in a notification may differ from ours."""
PAUSE: Final = 1.0
"""Seconds from the end of one look to the next."""
MIN_SECRET_BYTES: Final = 16

_HUB: Final = "sha256="
_STANDARD: Final = "v1,"
_STANDARD_SECRET: Final = "whsec_"  # noqa: S105 - the mark of one, not a secret


class Webhook:
    """Takes notifications signed with `secret`; `look` is awaited by `watch` alone, so one at a time.

    Signatures are those of GitHub, Gitea and Forgejo (`X-Hub-Signature-256`), of Bitbucket (`X-Hub-Signature`), and
    of Standard Webhooks.
    """

    def __init__(
        self,
        secret: bytes,
        look: Callable[[], Awaitable[None]],
        *,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._secret = secret.strip()
        if len(self._secret) < MIN_SECRET_BYTES:
            raise UnusableError(f"the secret of a webhook has at least {MIN_SECRET_BYTES} bytes")
        self._standard_secret = _standard_secret(self._secret)
        self._look = look
        self._clock = clock
        self._pause = pause
        self._notified = asyncio.Event()

    async def take(self, request: Request, _caller: Caller) -> Answer:
        """Have the source looked at soon.

        Raises:
            RefusedExchange: 401, it is not signed with the secret, or not now.

        """
        if not (self._is_hub(request) or self._is_standard(request)):
            raise RefusedExchange(401, "the notification is not signed with the secret that is configured here")
        self._notified.set()
        return Answer(204, b"", TEXT)

    async def watch(self) -> None:
        """Look whenever something was notified, until cancelled; what comes during a look causes one more."""
        while True:
            await self._notified.wait()
            self._notified.clear()
            await self._look()
            await self._pause(PAUSE)

    def _is_hub(self, request: Request) -> bool:
        # The older name has SHA-1 elsewhere, which does not begin as what is expected.
        shown = request.header(b"x-hub-signature-256") or request.header(b"x-hub-signature")
        if shown is None:
            return False
        return _equal(shown, _HUB + hmac.new(self._secret, request.body, hashlib.sha256).hexdigest())

    def _is_standard(self, request: Request) -> bool:
        """As the specification Standard Webhooks has it, for symmetric keys."""
        names = (b"webhook-id", b"webhook-timestamp", b"webhook-signature")
        identifier, timestamp, shown = (request.header(name) for name in names)
        if identifier is None or timestamp is None or shown is None or not self._is_now(timestamp):
            return False
        signed = f"{identifier}.{timestamp}.".encode("latin-1") + request.body
        mac = hmac.new(self._standard_secret, signed, hashlib.sha256).digest()
        expected = _STANDARD + base64.b64encode(mac).decode("ascii")
        # Several, while a secret is being replaced.
        return any(_equal(one, expected) for one in shown.split(" "))

    def _is_now(self, timestamp: str) -> bool:
        is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= len(str(2**53))
        return is_number and abs(self._clock.wall() - int(timestamp)) <= TOLERANCE


def _equal(shown: str, expected: str) -> bool:
    return hmac.compare_digest(shown.encode("latin-1"), expected.encode("latin-1"))


def _standard_secret(secret: bytes) -> bytes:
    mark = _STANDARD_SECRET.encode("ascii")
    if not secret.startswith(mark):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(mark), validate=True)
    except binascii.Error as error:
        raise UnusableError(f"after `{_STANDARD_SECRET}` the secret of a webhook is base64") from error
