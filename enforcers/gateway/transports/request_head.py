"""What must hold of an HTTP request's head before its body is read."""

import re
from collections.abc import Set as AbstractSet
from typing import Final

from enforcers.gateway.header import HeaderError, Headers
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_JSON: Final = "application/json"
_FORBIDDEN: Final = 403
_BAD_REQUEST: Final = 400
_NOT_ACCEPTABLE: Final = 406
_UNSUPPORTED_TYPE: Final = 415


class HeadError(Refused):
    """The head says that the request must not be answered; `status` is the HTTP status for that."""

    def __init__(self, code: ReasonCode, text: str, *, status: int) -> None:
        super().__init__(code, text, caller_text=text)
        self.status = status


def check_head(headers: Headers, *, hosts: AbstractSet[str], origins: AbstractSet[str]) -> None:
    """Return when the request was meant for us: by `Host` and, where a browser says it, by `Origin`.

    Raises:
        HeadError: it was not, which is how DNS rebinding looks from here.

    """
    try:
        host, origin = headers.one("host"), headers.one("origin")
    except HeaderError as error:
        raise HeadError(ReasonCode.REQUEST_INVALID, str(error), status=_BAD_REQUEST) from error
    match = _HOST.fullmatch((host or "").lower())
    if match is None or not ({match[0], match[1]} & hosts):
        raise HeadError(ReasonCode.REQUEST_INVALID, "the `Host` is not one of this gateway", status=_FORBIDDEN)
    if origin is not None and origin not in origins:
        raise HeadError(ReasonCode.REQUEST_INVALID, "the `Origin` is not allowed here", status=_FORBIDDEN)


def check_content(headers: Headers) -> None:
    """Return when the body is JSON as it stands and JSON may be answered.

    Raises:
        HeadError: one of the two does not hold.

    """
    kinds = [value.partition(";")[0].strip().lower() for value in headers.all("content-type")]
    if kinds != [_JSON] or headers.all("content-encoding"):
        text = f"the body must be `{_JSON}` without a content encoding"
        raise HeadError(ReasonCode.MESSAGE_MALFORMED, text, status=_UNSUPPORTED_TYPE)
    if not _accepts_json(headers.all("accept")):
        text = f"the answer would be `{_JSON}`, which is not accepted"
        raise HeadError(ReasonCode.MESSAGE_MALFORMED, text, status=_NOT_ACCEPTABLE)


def _accepts_json(values: list[str]) -> bool:
    """Whether `application/json` is among what `Accept` names (RFC 9110, section 12.5.1); absent means all."""
    ranges = [part.strip().lower().replace(" ", "") for value in values for part in value.split(",") if part.strip()]
    if not ranges:
        return True
    wanted = {_JSON, "application/*", "*/*"}
    return any(kind in wanted and not _is_refused(rest) for kind, _, rest in (part.partition(";") for part in ranges))


def _is_refused(parameters: str) -> bool:
    return any(re.fullmatch(r"q=0(\.0{0,3})?", parameter) for parameter in parameters.split(";"))
