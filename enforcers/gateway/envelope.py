"""Which era a message belongs to, and what a modern request must carry (MCP 2026-07-28, "_meta", "Versioning")."""

from collections.abc import Mapping
from typing import Any, Final

from enforcers.gateway.header import HeaderError, Headers, decoded
from enforcers.gateway.protocol import (
    HEADER_MISMATCH,
    LEGACY_VERSIONS,
    META_CAPABILITIES,
    META_VERSION,
    MODERN_VERSIONS,
    SUPPORTED_VERSIONS,
    UNSUPPORTED_VERSION,
    Era,
    RevisionError,
)
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.message import INVALID_PARAMS, Notification, Request

VERSION_HEADER: Final = "MCP-Protocol-Version"
METHOD_HEADER: Final = "Mcp-Method"
NAME_HEADER: Final = "Mcp-Name"


def era_of(message: Request | Notification, *, version_header: str | None = None) -> Era:
    """The era in which `message` is to be read: modern where it or its header names no legacy revision."""
    if META_VERSION in _meta(message):
        return Era.MODERN
    return Era.LEGACY if version_header is None or version_header in LEGACY_VERSIONS else Era.MODERN


def check_version(version: str, *, message: Request | Notification) -> None:
    """Return when `version` is a modern revision spoken here.

    Raises:
        RevisionError: it is not; `data` has those that are.

    """
    if version in MODERN_VERSIONS:
        return
    data = {"supported": [known for known in SUPPORTED_VERSIONS if known != version], "requested": version}
    raise RevisionError(
        "this protocol version is not supported", rpc_code=UNSUPPORTED_VERSION, data=data, request_id=_id(message)
    )


def check_meta(request: Request) -> None:
    """Return when `_meta` has what every modern request must declare.

    Raises:
        RevisionError: a field is missing, has the wrong type, or names a revision not spoken here.

    """
    meta = _meta(request)
    version = meta.get(META_VERSION)
    if not isinstance(version, str):
        raise _incomplete(META_VERSION, request)
    check_version(version, message=request)
    if not isinstance(meta.get(META_CAPABILITIES), Mapping):
        raise _incomplete(META_CAPABILITIES, request)


def check_headers(request: Request, *, headers: Headers) -> None:
    """Return when the standard headers say what the body says.

    Raises:
        RevisionError: one is missing, repeated, malformed or differs; `-32020`.

    """
    try:
        _compare(request, headers)
    except HeaderError as error:
        raise RevisionError(str(error), rpc_code=HEADER_MISMATCH, request_id=request.id) from error


def check_modern(message: Request | Notification, *, headers: Headers) -> None:
    """Return when a message of the modern era may be dispatched.

    Raises:
        RevisionError: the first rule it breaks.

    """
    sent = headers.all(VERSION_HEADER)
    claimed = _meta(message).get(META_VERSION, sent[0] if sent else None)
    if sent and claimed == sent[0]:
        check_version(claimed, message=message)
    if isinstance(message, Request):
        if META_VERSION in _meta(message):
            check_headers(message, headers=headers)
        check_meta(message)


def _compare(request: Request, headers: Headers) -> None:
    expected = {VERSION_HEADER: _meta(request).get(META_VERSION), METHOD_HEADER: request.method}
    for name, value in expected.items():
        if headers.one(name) != value:
            raise HeaderError(f"the header `{name}` is missing or differs from the body")
    named = request.params.get("name") if request.method == TOOLS_CALL else None
    sent = headers.one(NAME_HEADER)
    if isinstance(named, str) and (sent is None or decoded(sent) != named):
        raise HeaderError(f"the header `{NAME_HEADER}` is missing or differs from the body")


def _meta(message: Request | Notification) -> Mapping[str, Any]:
    meta = message.params.get("_meta")
    return meta if isinstance(meta, Mapping) else {}


def _id(message: Request | Notification) -> str | int | None:
    return message.id if isinstance(message, Request) else None


def _incomplete(name: str, request: Request) -> RevisionError:
    text = f"`params._meta` has no usable `{name}`"
    return RevisionError(text, rpc_code=INVALID_PARAMS, request_id=request.id)
