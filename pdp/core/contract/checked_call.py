"""Step 1 of the chain: a raw call becomes the one value that is decided, recorded and forwarded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pdp.core.contract.digest import digest
from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.message import Request
from pdp.core.contract.reason_code import ReasonCode

TOOLS_CALL: Final = "tools/call"
TOOLS_LIST: Final = "tools/list"

_TOOLS_CALL_PARAMS: Final = frozenset({"name", "arguments", "_meta"})
_TRACEPARENT: Final = "traceparent"


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A `tools/call` whose every member is known: input to cache key, decision, record, forwarding."""

    name: str
    arguments: JsonObject
    request_id: str | int
    trace_id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The MCP method."""
        return TOOLS_CALL

    @property
    def arguments_digest(self) -> str:
        """Digest of the arguments alone."""
        return digest(self.arguments)


def normalise(request: Request) -> CheckedCall:
    """The checked form of a `tools/call`.

    Members that this enforcer does not decide on (tasks, answers to input requests) are refused, not
    dropped: a server that got less than the client sent would do something else than was asked.

    Raises:
        MessageError: `message_malformed`, with the member's name.

    """
    params = request.params
    unknown = sorted(set(params) - _TOOLS_CALL_PARAMS)
    if unknown:
        raise _malformed(f"`params.{unknown[0][:64]}` is not supported", request)
    name = params.get("name")
    if not isinstance(name, str) or not name:
        raise _malformed("`params.name` must be a string", request)
    arguments = params.get("arguments", {})
    if not isinstance(arguments, dict):
        raise _malformed("`params.arguments` must be an object", request)
    meta = params.get("_meta", {})
    if not isinstance(meta, dict):
        raise _malformed("`params._meta` must be an object", request)
    return CheckedCall(name=name, arguments=arguments, request_id=request.id, trace_id=trace_id(meta), meta=meta)


def trace_id(meta: JsonObject) -> str | None:
    """The trace id of a W3C `traceparent` in `_meta`, None without a well-formed one."""
    value = meta.get(_TRACEPARENT)
    parts = value.split("-") if isinstance(value, str) else []
    if len(parts) < 4 or len(parts[1]) != 32:  # noqa: PLR2004 - the W3C Trace Context format
        return None
    return parts[1] if all(c in "0123456789abcdef" for c in parts[1]) else None


def _malformed(text: str, request: Request) -> MessageError:
    return MessageError(ReasonCode.MESSAGE_MALFORMED, text, caller_text=text, request_id=request.id)
