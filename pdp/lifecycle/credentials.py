"""What a decision point or publisher shows to the servers that bundles are on."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError
from pdp.tokens.secret_file import read_secret

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]++=*+")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user's name and password, or without a user a token."""

    user: str | None
    password: str

    def __post_init__(self) -> None:
        if self.user is None and not is_token(self.password):
            raise UnusableError("the password file holds no token, and no `user` is named")
        if self.user is not None and (":" in self.user or not (self.user + self.password).isprintable()):
            raise UnusableError("a `user` has no colon, and it and its password are of printable characters")

    def basic(self) -> str | None:
        """The value of an `Authorization` with user and password (RFC 7617), None without a user."""
        if self.user is None:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    def header(self) -> str:
        """The value of an `Authorization`: Basic, or Bearer (RFC 6750) without a user."""
        return self.basic() or f"Bearer {self.password}"


def is_token(text: str) -> bool:
    """Whether `text` can be a Bearer token (RFC 6750, section 2.1)."""
    return _TOKEN.fullmatch(text) is not None


def read_credentials(*, user: str | None, password: Path | None) -> Credentials | None:
    """The credentials with what the file `password` holds; None where nothing is configured.

    Raises:
        UnusableError: the file cannot be read, others can read it, or there is a user without one.

    """
    if password is None:
        if user is not None:
            raise UnusableError("a `user` needs a `password`: the file that holds it")
        return None
    try:
        return Credentials(user, read_secret(password).decode("utf-8").strip())
    except FileNotFoundError as error:
        raise UnusableError(f"there is no file `{password}` with the password") from error
    except UnicodeDecodeError as error:
        raise UnusableError(f"`{password}` is not UTF-8") from error
