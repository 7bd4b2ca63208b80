"""The form of a signed token (RFC 7515 section 7.1, RFC 7519), checked before any key is touched."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pdp.core.contract import base64url
from pdp.core.contract.errors import MessageError, TokenError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.signed.claim_rules import invalid

MAX_TOKEN_BYTES: Final = 16 * 1024

_MAX_KEY_ID: Final = 512
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LIMITS: Final = JsonLimits(max_bytes=MAX_TOKEN_BYTES, max_depth=32)
_MEDIA: Final = "application/"
_UNTYPED: Final = "jwt"
_REFUSED: Final = frozenset({"crit", "jku", "jwk", "x5u", "x5c", "b64", "enc", "zip"})
"""Header members that would let the token choose its own key or its own reading (RFC 8725 section 3.10).

The thumbprints `x5t` and `x5t#S256` only hint at a key, and some issuers always send them: they stay unread.
"""
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says of itself; nothing of it may be believed before the signature is checked.

    `type` is the header's `typ` in lower case without `application/`, and `jwt` where there is none.
    """

    text: str
    type: str
    algorithm: str
    key_id: str | None
    issuer: str
    claims: Mapping[str, Any]


def read_token(text: str) -> UnverifiedToken:
    """The unverified content of the compact token `text`.

    Raises:
        TokenError: `token_missing` for an empty text, else `token_invalid`.

    """
    if not text:
        raise TokenError(ReasonCode.TOKEN_MISSING, "no token")
    if len(text) > MAX_TOKEN_BYTES:
        raise invalid(f"longer than {MAX_TOKEN_BYTES} bytes")
    if not _COMPACT.fullmatch(text):
        raise invalid("not three base64url segments")
    head, body, signature = text.split(".")
    _decode(signature, "signature")
    header, claims = _object(head, "header"), _object(body, "payload")
    for name in sorted(_REFUSED & header.keys()):
        raise invalid(f"header `{name}` is not accepted")
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise invalid("no claim `iss`")
    return UnverifiedToken(text, _type(header), _algorithm(header), _key_id(header), issuer, claims)


def _type(header: Mapping[str, Any]) -> str:
    # RFC 7515, sections 4.1.9 and 4.1.10; RFC 7519, section 5.2: a content type announces a token in the token.
    written = header.get("typ", _UNTYPED)
    if not isinstance(written, str) or not written.isascii() or "cty" in header:
        raise invalid("header `typ` or `cty` is not that of an access token")
    return written.lower().removeprefix(_MEDIA)


def _algorithm(header: Mapping[str, Any]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise invalid("header `alg` is not a string")
    return algorithm


def _key_id(header: Mapping[str, Any]) -> str | None:
    key_id = header.get("kid", _ABSENT)
    if key_id is _ABSENT:
        return None
    if not isinstance(key_id, str) or not 0 < len(key_id) <= _MAX_KEY_ID or not key_id.isprintable():
        raise invalid("header `kid` is not a usable string")
    return key_id


def _object(segment: str, part: str) -> Mapping[str, Any]:
    try:
        value = parse(_decode(segment, part), limits=_LIMITS)
    except MessageError as error:
        # The cause may quote the token, so it goes no further.
        raise invalid(f"the {part} is not exact JSON") from error
    if not isinstance(value, dict):
        raise invalid(f"the {part} is not a JSON object")
    return value


def _decode(segment: str, part: str) -> bytes:
    try:
        return base64url.decode(segment)
    except ValueError as error:
        raise invalid(f"the {part} is not canonical base64url") from error
