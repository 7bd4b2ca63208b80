"""Answers to clients, good and bad, in the shape of their era (DESIGN 9, "Denials")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from enforcers.caller import Transport
from enforcers.gateway.protocol import META_SERVER, META_TOOLGATE, Era
from enforcers.verdict import Denied
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, JsonObject, JsonValue, parse
from pdp.core.contract.message import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    ErrorAnswer,
    Notification,
    Request,
    RequestId,
    Result,
)
from pdp.core.contract.reason_code import ReasonCode

CREDENTIAL_CODES: Final = frozenset(
    {
        ReasonCode.TOKEN_MISSING,
        ReasonCode.TOKEN_INVALID,
        ReasonCode.TOKEN_EXPIRED,
        ReasonCode.AUDIENCE_MISMATCH,
        ReasonCode.PROOF_INVALID,
    }
)
"""What another credential, or another proof, can change."""
_MESSAGE_CODES: Final = {
    ReasonCode.MESSAGE_MALFORMED: INVALID_REQUEST,
    ReasonCode.MESSAGE_TOO_LARGE: INVALID_REQUEST,
    ReasonCode.METHOD_UNKNOWN: METHOD_NOT_FOUND,
    ReasonCode.SESSION_MISMATCH: INVALID_REQUEST,
}
_HTTP_CODES: Final = CREDENTIAL_CODES | {
    ReasonCode.SCOPE_MISSING,
    ReasonCode.IDENTITY_UNMAPPED,
    ReasonCode.ADDRESS_REFUSED,
    ReasonCode.ISSUER_UNAVAILABLE,
    ReasonCode.LIMIT_EXCEEDED,
}
"""What HTTP has a status for, so that over HTTP it is no tool's result."""
_COMPLETE: Final = "complete"
_OWN_META: Final = frozenset({META_SERVER, META_TOOLGATE})


@dataclass(frozen=True, slots=True)
class WireError:
    """The JSON-RPC code that a refusal must have, with its data; `request_id` where no message was read."""

    code: int
    data: Mapping[str, JsonValue] | None = None
    request_id: RequestId | None = None


INVALID_PARAMETERS: Final = WireError(INVALID_PARAMS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to a client; `denied` says why it is no good answer, None when it is one.

    `scopes` and `nonce` are those of the denial.
    """

    message: Result | ErrorAnswer
    denied: ReasonCode | None = None
    scopes: tuple[str, ...] = ()
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """How this host words its answers: its own name and version, the error code of a denial."""

    server: Mapping[str, str]
    denial_code: int

    def completed(self, request: Request, *, result: JsonObject, era: Era) -> Answer:
        """The good answer; an upstream's claims about who answered never pass."""
        body = dict(result)
        meta = {name: value for name, value in (body.pop("_meta", None) or {}).items() if name not in _OWN_META}
        body.pop("resultType", None)
        if era is Era.MODERN:
            body["resultType"] = _COMPLETE
            meta[META_SERVER] = dict(self.server)
        return Answer(Result(request.id, body | ({"_meta": meta} if meta else {})))

    def denied(
        self,
        denied: Denied,
        *,
        message: Request | Notification | None,
        era: Era,
        transport: Transport,
        error: WireError | None = None,
    ) -> Answer:
        """The answer to a request that does not go on; `error` is what the protocol wants said instead."""
        proof = {"decision_id": denied.record_id, "reason_code": str(denied.code)}
        if isinstance(message, Request) and error is None and _as_result(message, denied.code, transport):
            result: dict[str, Any] = {
                "content": [{"type": "text", "text": _one_line(denied.text)}],
                "isError": True,
                "_meta": {META_TOOLGATE: proof},
            }
            if era is Era.MODERN:
                result["resultType"] = _COMPLETE
                result["_meta"][META_SERVER] = dict(self.server)
            return Answer(Result(message.id, result), denied.code, denied.scopes, denied.nonce)
        wire = error or WireError(_MESSAGE_CODES.get(denied.code, self.denial_code))
        request_id = message.id if isinstance(message, Request) else wire.request_id
        data = {**(wire.data or {}), **proof}
        answer = ErrorAnswer(request_id, wire.code, _one_line(denied.text), data)
        return Answer(answer, denied.code, denied.scopes, denied.nonce)


def unreadable(error: MessageError, *, raw: bytes, limits: JsonLimits) -> WireError:
    """What JSON-RPC wants said about bytes in which `error` found no message."""
    code = INVALID_REQUEST
    if error.code is ReasonCode.MESSAGE_MALFORMED:
        try:
            parse(raw, limits=limits)
        except MessageError:
            code = PARSE_ERROR
    return WireError(code, None, error.request_id)


def _as_result(request: Request, code: ReasonCode, transport: Transport) -> bool:
    """Whether a denial is a tool's result: so where the call itself was understood and its host is the right one."""
    if request.method != TOOLS_CALL or (code in _MESSAGE_CODES and code is not ReasonCode.METHOD_UNKNOWN):
        return False
    return not (transport is Transport.STREAMABLE_HTTP and code in _HTTP_CODES)


def _one_line(text: str) -> str:
    return " ".join(text.split()) or "denied"
