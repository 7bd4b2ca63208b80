"""A server that takes checkpoints: one POST each, signed as the specification Standard Webhooks has it."""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from pdp.audit.evidence.export import ExportError
from pdp.audit.evidence.held import Held
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import UnusableError
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import Web
from pdp.tokens.fetch.endpoint import Endpoint

MIN_SECRET_BYTES: Final = 16
_MARK: Final = b"whsec_"
_SUCCESS: Final = range(200, 300)


class WebhookExport:
    """Posts to `endpoint`; of what that answers, the status counts alone. Redirects are not followed.

    Raises:
        UnusableError: the secret is too short, or no base64 after `whsec_`.

    """

    def __init__(self, endpoint: Endpoint, *, secret: bytes, web: Web, clock: Clock, target: str) -> None:
        self.target = target
        self._endpoint = endpoint
        self._key = _key(secret.strip())
        self._web = web
        self._clock = clock

    def publish(self, held: Held) -> None:
        """Return once the server has said that it has it."""
        body = held.to_json()
        identifier = f"{held.checkpoint.statement.log}-{held.number}"
        timestamp = str(int(self._clock.wall()))
        headers = {
            "content-type": "application/json",
            "webhook-id": identifier,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self._key, identifier=identifier, timestamp=timestamp, body=body),
        }
        try:
            with self._web.talk() as talk:
                answer = talk.ask(self._endpoint, method="POST", headers=headers, content=body)
        except SourceError as error:
            raise ExportError(str(error)) from error
        if answer.status not in _SUCCESS:
            raise ExportError(f"`{self._endpoint.host}` answered with status {answer.status}")


def signature(key: bytes, *, identifier: str, timestamp: str, body: bytes) -> str:
    """The signature of a message, with the version before it."""
    signed = f"{identifier}.{timestamp}.".encode("latin-1") + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def _key(secret: bytes) -> bytes:
    if len(secret) < MIN_SECRET_BYTES:
        raise UnusableError(f"the secret of a webhook has at least {MIN_SECRET_BYTES} bytes")
    if not secret.startswith(_MARK):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(_MARK), validate=True)
    except binascii.Error as error:
        raise UnusableError("after `whsec_` the secret of a webhook is base64") from error
