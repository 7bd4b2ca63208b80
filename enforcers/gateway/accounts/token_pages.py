"""The token endpoint of our own authorization server (RFC 6749, section 3.2), its metadata and its keys."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.accounts.page import Asking, Door, PageAnswer, posted
from enforcers.gateway.header import HeaderError
from enforcers.gateway.transports.exchange import Receive, Scope, Send, respond
from enforcers.gateway.transports.http_app import Page
from pdp.core.contract.errors import TokenError
from pdp.tokens.local.basic import read_basic
from pdp.tokens.local.id_jag.exchange import Exchange
from pdp.tokens.local.id_jag.grant import Asked
from pdp.tokens.local.id_jag.metadata import (
    AUTHORIZATION_PATH,
    JWT_BEARER,
    KEYS_PATH,
    TOKEN_PATH,
    metadata,
    metadata_path,
)
from pdp.tokens.local.id_jag.refusal import GrantError, GrantErrorCode
from pdp.tokens.local.local_issuer import LocalIssuer

_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 16
_BASIC: Final = "basic "
_OK: Final = 200
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_NOT_ALLOWED: Final = 405
_STATUS: Final = {
    GrantErrorCode.INVALID_CLIENT: 401,
    GrantErrorCode.SLOW_DOWN: 429,
    GrantErrorCode.TEMPORARILY_UNAVAILABLE: 503,
}


class TokenPages:
    """The pages of `issuer`; `unix` is the time."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        issuer: LocalIssuer,
        door: Door,
        unix: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self._exchange = exchange
        self._unix = unix
        self.by_path: Mapping[str, Page] = {
            TOKEN_PATH: posted(self._token, door=door, log=log),
            KEYS_PATH: published(issuer.key.public_key_set()),
            metadata_path(issuer.issuer): published(metadata(issuer.issuer)),
            AUTHORIZATION_PATH: published(b'{"error":"unsupported_response_type"}', status=_BAD_REQUEST),
        }

    async def _token(self, asking: Asking) -> PageAnswer:
        try:
            form = _form(asking)
            client_id, secret = _client(asking, form)
            if "grant_type" not in form or "assertion" not in form:
                raise _malformed("`grant_type` and `assertion` are required")
            if form["grant_type"] != JWT_BEARER:
                raise GrantError(GrantErrorCode.UNSUPPORTED_GRANT_TYPE, f"only `{JWT_BEARER}` is supported")
            asked = Asked(client_id, form.get("scope"), form.get("resource"))
            answer = await self._exchange.token(form["assertion"], asked=asked, secret=secret, now=self._unix())
        except GrantError as error:
            return _refused(error, asking)
        body = {
            "access_token": answer.token.text,
            "token_type": "Bearer",
            "expires_in": answer.token.expires_in,
            "scope": answer.scope,
        }
        return PageAnswer(_OK, {name: value for name, value in body.items() if value is not None})


def published(body: bytes, *, status: int = _OK) -> Page:
    """A page that is the same for everybody."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI's
        if scope["method"] not in {"GET", "HEAD"}:
            await respond(send, status=_NOT_ALLOWED, headers=[(b"allow", b"GET, HEAD")])
            return
        await respond(send, status=status, body=body)

    return page


def _form(asking: Asking) -> dict[str, str]:
    """The members of the body, each there once (RFC 6749, section 3.2); an empty one counts as absent."""
    kinds = [value.partition(";")[0].strip().lower() for value in asking.headers.all("content-type")]
    if kinds != [_FORM] or asking.headers.all("content-encoding"):
        raise _malformed(f"the body must be `{_FORM}`")
    try:
        pairs = parse_qsl(
            asking.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise _malformed("the body cannot be read") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise _malformed("a parameter is there more than once")
    return {name: value for name, value in pairs if value}


def _client(asking: Asking, form: Mapping[str, str]) -> tuple[str, str]:
    """Id and secret of the client, shown in one way only (RFC 6749, section 2.3)."""
    try:
        header = asking.headers.one("authorization")
    except HeaderError as error:
        raise _malformed("several credentials") from error
    if header is None:
        if "client_id" not in form or "client_secret" not in form:
            raise GrantError(GrantErrorCode.INVALID_CLIENT, "the client must authenticate")
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise _malformed("the client shows its secret in two ways")
    try:
        if not header.lower().startswith(_BASIC):
            raise GrantError(GrantErrorCode.INVALID_CLIENT, "clients authenticate with Basic here")
        name, secret = (unquote_plus(part, errors="strict") for part in read_basic(header[len(_BASIC) :]))
    except (TokenError, ValueError) as error:
        raise GrantError(GrantErrorCode.INVALID_CLIENT, "the client's credential cannot be read") from error
    if form.get("client_id", name) != name:
        raise _malformed("the request names two clients")
    return name, secret


def _refused(error: GrantError, asking: Asking) -> PageAnswer:
    status = _STATUS.get(error.code, _BAD_REQUEST)
    challenged = status == _UNAUTHORIZED and asking.headers.all("authorization")
    headers = ((b"www-authenticate", b'Basic realm="toolgate", charset="UTF-8"'),) if challenged else ()
    return PageAnswer(status, {"error": error.code.value, "error_description": error.text}, headers)


def _malformed(text: str) -> GrantError:
    return GrantError(GrantErrorCode.INVALID_REQUEST, text)
