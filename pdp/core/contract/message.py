"""JSON-RPC 2.0 messages as MCP uses them (MCP 2026-07-28, basic section "Messages")."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec

from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, JsonObject, JsonValue, parse
from pdp.core.contract.reason_code import ReasonCode

RequestId: TypeAlias = str | int

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603


@dataclass(frozen=True, slots=True)
class Request:
    """A call that expects one response."""

    id: RequestId
    method: str
    params: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notification:
    """A message without an answer."""

    method: str
    params: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The good answer to the request with this id; one that is `deep` nests deeper than a client is answered."""

    id: RequestId
    result: JsonObject
    deep: bool = False


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The bad answer; `id` is None when the request's id could not be read."""

    id: RequestId | None
    code: int
    message: str
    data: JsonValue = None


Message: TypeAlias = Request | Notification | Result | ErrorAnswer

_ENVELOPE: Final = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})


def read(raw: bytes, *, limits: JsonLimits) -> Message:
    """The one message in `raw`.

    Raises:
        MessageError: as `exact_json.parse`, and for whatever is no single JSON-RPC 2.0 message;
            its `request_id` is set where the id could be read.

    """
    value = parse(raw, limits=limits)
    if not isinstance(value, dict):
        raise _malformed("a message is one JSON object, batches are not supported")
    request_id = value.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int | None):
        raise _malformed("`id` must be a string or an integer")
    if value.get("jsonrpc") != "2.0":
        raise _malformed('`jsonrpc` must be "2.0"', request_id)
    if not _ENVELOPE.issuperset(value):
        raise _malformed("the message has members that JSON-RPC does not define", request_id)
    if "id" in value and request_id is None and "error" not in value:
        raise _malformed("`id` must not be null")
    if "method" in value:
        return _call(value, request_id)
    if "result" in value and "error" not in value:
        return _result(value, request_id)
    if "error" in value and "result" not in value:
        return _error(value, request_id)
    raise _malformed("a message has a method, a result or an error", request_id)


def write(message: Message) -> bytes:
    """The bytes of `message`, without a line break anywhere in them."""
    body: dict[str, JsonValue] = {"jsonrpc": "2.0"}
    match message:
        case Request(id=request_id, method=method, params=params):
            body |= {"id": request_id, "method": method, "params": params}
        case Notification(method=method, params=params):
            body |= {"method": method, "params": params}
        case Result(id=request_id, result=result):
            body |= {"id": request_id, "result": result}
        case ErrorAnswer(id=error_id, code=code, message=text, data=data):
            if error_id is not None:
                body["id"] = error_id
            body["error"] = {"code": code, "message": text} | ({} if data is None else {"data": data})
    return msgspec.json.encode(body)


def _call(value: JsonObject, request_id: RequestId | None) -> Request | Notification:
    method, params = value["method"], value.get("params", {})
    if "result" in value or "error" in value:
        raise _malformed("a message is a call or an answer, not both", request_id)
    if not isinstance(method, str) or not method:
        raise _malformed("`method` must be a string", request_id)
    if not isinstance(params, dict):
        raise _malformed("`params` must be an object", request_id)
    return Notification(method, params) if request_id is None else Request(request_id, method, params)


def _result(value: JsonObject, request_id: RequestId | None) -> Result:
    result = value["result"]
    if request_id is None or not isinstance(result, dict):
        raise _malformed("an answer has an `id` and its `result` is an object", request_id)
    return Result(request_id, result)


def _error(value: JsonObject, request_id: RequestId | None) -> ErrorAnswer:
    error = value["error"]
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(error.get("message"), str):
        raise _malformed("an error has an integer `code` and a `message`", request_id)
    return ErrorAnswer(request_id, code, error["message"], error.get("data"))


def _malformed(text: str, request_id: RequestId | None = None) -> MessageError:
    return MessageError(ReasonCode.MESSAGE_MALFORMED, text, caller_text=text, request_id=request_id)
