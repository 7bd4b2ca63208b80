"""An HTTP request on its way in: what is known of it so far, and the rules of its era."""

import re
from dataclasses import dataclass, replace
from typing import Final

from enforcers.caller import Caller, Identified
from enforcers.gateway.answer import WireError
from enforcers.gateway.envelope import VERSION_HEADER, check_modern, era_of
from enforcers.gateway.header import HeaderError, Headers
from enforcers.gateway.parameter_header import KnownParameterHeaders, check_mirrored
from enforcers.gateway.protocol import HEADER_MISMATCH, INITIALIZE, Era, RevisionError
from enforcers.offer import Found
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import Refused
from pdp.core.contract.message import INVALID_REQUEST, Message, Notification, Request
from pdp.core.contract.reason_code import ReasonCode

SESSION_HEADER: Final = "mcp-session-id"

_SESSION_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(slots=True)
class Arrival:
    """Filled step by step, so that a refusal at any step can say whose request it was and what it asked."""

    headers: Headers
    caller: Caller
    method: str = "POST"
    query: bytes = b""
    peer: str | None = None
    era: Era = Era.MODERN
    message: Request | Notification | None = None
    who: Identified | None = None
    wire: WireError | None = None
    status: int | None = None
    opened: str | None = None

    def take(self, message: Message) -> Request | Notification:
        """Note the message and its era.

        Raises:
            RevisionError: it is an answer, which nobody asked for, or its revision is said more than once.

        """
        if not isinstance(message, Request | Notification):
            raise RevisionError("the message answers a question that was not asked", rpc_code=INVALID_REQUEST)
        versions = self.headers.all(VERSION_HEADER)
        self.message, self.era = message, era_of(message, version_header=versions[0] if versions else None)
        if len(versions) > 1:
            raise RevisionError(f"the header `{VERSION_HEADER}` is there more than once", rpc_code=HEADER_MISMATCH)
        if self.era is Era.LEGACY and message.method != INITIALIZE:
            self.caller = replace(self.caller, session=session_of(self.headers))
        return message


def session_of(headers: Headers) -> str | None:
    """The session id that was sent, None where there is none.

    Raises:
        Refused: `session_mismatch`: there are several, or it is none that was ever given out here.

    """
    values = headers.all(SESSION_HEADER)
    if len(values) > 1 or any(not _SESSION_ID.fullmatch(value) for value in values):
        raise Refused(ReasonCode.SESSION_MISMATCH, "the session id is none of ours")
    return values[0] if values else None


def check_modern_arrival(
    message: Request | Notification, *, headers: Headers, offers: Found, parameters: KnownParameterHeaders
) -> None:
    """Return when a message of the modern era has all that it must have, mirrored parameters included.

    Raises:
        RevisionError: it has not.

    """
    check_modern(message, headers=headers)
    name, arguments = message.params.get("name"), message.params.get("arguments", {})
    offer = offers.offered(name) if message.method == TOOLS_CALL and isinstance(name, str) else None
    if offer is None or not isinstance(arguments, dict):
        return
    try:
        check_mirrored(parameters.of(offer), arguments=arguments, sent=headers)
    except HeaderError as error:
        raise RevisionError(str(error), rpc_code=HEADER_MISMATCH) from error
