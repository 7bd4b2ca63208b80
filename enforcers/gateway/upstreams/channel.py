"""The port to one connection: it carries questions and answers and knows nothing of what they mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from enforcers.gateway.protocol import PING
from pdp.core.contract.errors import NestingError, UpstreamError
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.contract.message import METHOD_NOT_FOUND, ErrorAnswer, Message, Notification, Request, Result, read

MAX_RESULT_DEPTH: Final = 512
"""Levels of nesting that are read of a result: a definition that is too deep must not cost a server its others."""


class SessionLostError(UpstreamError):
    """The connection is gone and what was asked was not looked at; a new one may be asked again."""


class RejectedError(UpstreamError):
    """The transport turned the question down without a JSON-RPC answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request on its way; `version` is the revision agreed on and `headers` mirror parameters."""

    request: Request
    version: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """One connection."""

    @property
    def usable(self) -> bool:
        """Whether another question may be asked."""
        ...

    async def ask(self, question: Question) -> Result | ErrorAnswer:
        """The answer to `question`; cancelling tells the server so.

        Raises:
            UpstreamError: none came that can be trusted.

        """
        ...

    async def tell(self, notification: Notification, *, version: str | None) -> None:
        """Send a notification.

        Raises:
            UpstreamError: it could not be sent.

        """
        ...

    async def aclose(self) -> None:
        """Close the connection and end what was started for it."""
        ...


class Connector(Protocol):
    """Opens connections to one server."""

    async def connect(self, heard: Callable[[Notification], None]) -> Channel:
        """A new connection; `heard` is called with every notification the server sends.

        Raises:
            UpstreamError: there is none.

        """
        ...


def read_message(raw: bytes, *, limits: JsonLimits) -> Message:
    """The message in `raw`; a result may be deeper than `limits` say, and is marked then.

    Raises:
        MessageError: there is none.

    """
    try:
        return read(raw, limits=limits)
    except NestingError:
        message = read(raw, limits=replace(limits, max_depth=max(limits.max_depth, MAX_RESULT_DEPTH)))
        if not isinstance(message, Result):
            raise
        return replace(message, deep=True)


def reply_to(request: Request) -> Result | ErrorAnswer:
    """What a server's own request is answered: it may ask whether we live, and nothing else."""
    if request.method == PING:
        return Result(request.id, {})
    return ErrorAnswer(request.id, METHOD_NOT_FOUND, "this client does not support the method")
