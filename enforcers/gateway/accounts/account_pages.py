"""Local accounts over HTTP: log in, join, ask for a new password, change it."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from enforcers.gateway.accounts.page import MAX_BODY_BYTES, Asking, Door, PageAnswer, posted
from enforcers.gateway.transports.http_app import Page
from enforcers.gateway.transports.request_head import check_content
from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.local.accounts.service import Accounts

_LIMITS: Final = JsonLimits(max_bytes=MAX_BODY_BYTES, max_depth=2)
_OK: Final = 200
_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class _Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Text
    password: Text


class _Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Text
    password: Text


class _Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Text


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Text
    password: Text
    new_password: Text


T = TypeVar("T")


class AccountPages:
    """The pages of `accounts`; `unix` is the time."""

    def __init__(self, accounts: Accounts, *, door: Door, unix: Callable[[], float], log: FilteringBoundLogger) -> None:
        self._accounts = accounts
        self._unix = unix
        answers = {"login": self._login, "join": self._join, "reset": self._reset, "password": self._change}
        self.by_path: Mapping[str, Page] = {
            f"/accounts/{name}": posted(answer, door=door, log=log) for name, answer in answers.items()
        }

    async def _login(self, asking: Asking) -> PageAnswer:
        sent = _read(asking, _Login)
        token = await self._accounts.login(sent.email, password=sent.password, address=asking.address, now=self._unix())
        body = {"access_token": token.text, "token_type": "Bearer", "expires_in": token.expires_in}
        return PageAnswer(_OK, body)

    async def _join(self, asking: Asking) -> PageAnswer:
        sent = _read(asking, _Join)
        await self._accounts.join(sent.code, password=sent.password, address=asking.address, now=self._unix())
        return PageAnswer(_NO_CONTENT)

    async def _reset(self, asking: Asking) -> PageAnswer:
        sent = _read(asking, _Reset)
        await self._accounts.reset(sent.email, address=asking.address, now=self._unix())
        return PageAnswer(_ACCEPTED, {"message": "where there is such an account, it gets a mail"})

    async def _change(self, asking: Asking) -> PageAnswer:
        sent = _read(asking, _Change)
        await self._accounts.change(
            sent.email, password=sent.password, new=sent.new_password, address=asking.address, now=self._unix()
        )
        return PageAnswer(_NO_CONTENT)


def _read(asking: Asking, kind: type[T]) -> T:
    check_content(asking.headers)
    try:
        return msgspec.convert(parse(asking.body, limits=_LIMITS), kind)
    except msgspec.ValidationError as error:
        # msgspec names the member; its value is not repeated.
        text = "the body does not have the members that it must have, and no others"
        raise MessageError(ReasonCode.REQUEST_INVALID, text, caller_text=text) from error
