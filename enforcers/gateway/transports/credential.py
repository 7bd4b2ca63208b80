"""The credential in a request's head (RFC 6750, section 2.1; RFC 9449, section 7.1; RFC 7617), and no other place."""

import re
from typing import Final
from urllib.parse import parse_qsl

from enforcers.gateway.header import Headers
from enforcers.gateway.transports.request_head import HeadError
from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.presented import Presented, Scheme

PROOF_HEADER: Final = "dpop"

# One space, where RFC 9110 lets a client send several: no client does, and readers differ.
_CREDENTIALS: Final = re.compile(r"([A-Za-z]+) ([A-Za-z0-9._~+/-]+=*)")
_SCHEMES: Final = {scheme.value: scheme for scheme in Scheme}
_BAD_REQUEST: Final = 400
_QUERY_TOKEN: Final = "access_token"  # noqa: S105 - a name


def credential(headers: Headers, *, method: str, url: str, certificate: str | None) -> Presented | None:
    """The credential, with what a proof must be for, None where there is none.

    `method` and `url` are those of the request as its sender knows them, `certificate` its thumbprint.

    Raises:
        TokenError: `token_invalid`: there are several, or it has no form or scheme that is known.
            `proof_invalid`: there are several proofs.

    """
    values, proofs = headers.all("authorization"), headers.all(PROOF_HEADER)
    if not values:
        return None
    match = _CREDENTIALS.fullmatch(values[0])
    scheme = None if match is None else _SCHEMES.get(match[1].lower())
    if len(values) > 1 or match is None or scheme is None:
        raise TokenError(ReasonCode.TOKEN_INVALID, "the request has no single, well-formed credential")
    if len(proofs) > 1:
        raise TokenError(ReasonCode.PROOF_INVALID, "the request has several headers `DPoP`")
    return Presented(scheme, match[2], proofs[0] if proofs else None, method, url, certificate)


def scheme_of(headers: Headers) -> Scheme | None:
    """The scheme that a request means to use, as far as that can be seen; None where it cannot."""
    found = {_SCHEMES.get(value.split(" ", 1)[0].lower()) for value in headers.all("authorization")}
    return found.pop() if len(found) == 1 else None


def refuse_query_token(query: bytes) -> None:
    """Return when the URL holds no token, which would be in the logs of everybody on the way.

    Raises:
        HeadError: it does, however its name is encoded (MCP "Token Requirements"; RFC 6750, section 2.3).

    """
    if not query:
        return
    names = {name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}
    if _QUERY_TOKEN in names:
        text = "a token belongs into the header `Authorization`, never into the URL"
        raise HeadError(ReasonCode.REQUEST_INVALID, text, status=_BAD_REQUEST)
