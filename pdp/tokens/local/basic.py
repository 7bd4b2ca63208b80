"""HTTP Basic authentication (RFC 7617): a name and a password, which is an API key's or an account's."""

import base64
import binascii
import re
from typing import Final, Protocol

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.local.api_keys.key_text import KEY_ID, KEY_PREFIX
from pdp.tokens.verification import Verifier

MAX_BASIC_BYTES: Final = 2048

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Passwords(Protocol):
    """Knows whose password is whose."""

    async def verify_password(self, name: str, *, password: str, now: float) -> VerifiedClaims:
        """The claims of the one called `name` at Unix time `now`.

        Raises:
            TokenError: nobody of that name has that password.

        """
        ...


class BasicVerifier:
    """Verifies the value of scheme Basic; `keys` and `passwords` are None where there is nothing of the kind.

    A user-id with the form of a key's id goes with the whole key as its password, any other is an account's.
    """

    def __init__(self, *, keys: Verifier | None, passwords: Passwords | None) -> None:
        self._keys = keys
        self._passwords = passwords

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims behind `token`, base64 of `user-id:password`, at Unix time `now`.

        Raises:
            TokenError: it is not to be believed.

        """
        name, password = read_basic(token)
        if self._keys is not None and KEY_ID.fullmatch(name):
            if not password.startswith(f"{KEY_PREFIX}{name}_"):
                raise TokenError(ReasonCode.TOKEN_INVALID, "the password is no API key with the id of the user-id")
            return await self._keys.verify(password, now=now)
        if self._passwords is not None:
            return await self._passwords.verify_password(name, password=password, now=now)
        raise TokenError(ReasonCode.TOKEN_INVALID, "the user-id is not the id of an API key")


def read_basic(value: str) -> tuple[str, str]:
    """User-id and password in `value`, in UTF-8 (RFC 7617, section 2).

    Raises:
        TokenError: `token_invalid`: it is not canonical base64 of these.

    """
    try:
        raw = base64.b64decode(value, validate=True) if len(value) <= MAX_BASIC_BYTES else b""
        text = raw.decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise _invalid() from error
    name, colon, password = text.partition(":")
    if base64.b64encode(raw).decode("ascii") != value or not colon or not name or _CONTROL.search(text):
        raise _invalid()
    return name, password


def _invalid() -> TokenError:
    return TokenError(ReasonCode.TOKEN_INVALID, "not base64 of a user-id and a password")
