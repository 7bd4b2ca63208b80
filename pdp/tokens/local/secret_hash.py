"""The port to what hashes secrets slowly, and where its one implementation comes from."""

from importlib import import_module
from typing import Any, Final, Protocol

from pdp.core.contract.errors import ToolgateError, UnusableError

_IMPLEMENTATION: Final = "pdp.tokens.local.argon2_hash"


class SecretMismatchError(ToolgateError):
    """The secret is not the one that was hashed."""


class HashingBusyError(ToolgateError):
    """So many secrets wait to be hashed that another one would only wait too long."""


class SecretHash(Protocol):
    """Hashes secrets off the event loop, a few at a time."""

    async def verify(self, encoded: str | None, *, secret: str) -> None:
        """Return when `secret` is what `encoded` was made of; None takes as long, and is made of nothing.

        Raises:
            SecretMismatchError: it is not.
            HashingBusyError: too many others are waiting.

        """
        ...

    async def make(self, secret: str) -> str:
        """A hash of `secret`, with its salt and cost in it.

        Raises:
            HashingBusyError: too many others are waiting.

        """
        ...


def open_secret_hash() -> SecretHash:
    """The hash of this installation, Argon2id.

    Raises:
        UnusableError: the library for it is not installed.

    """
    module = from_extra(_IMPLEMENTATION, purpose="keys and passwords")
    opened: SecretHash = module.Argon2Hash()
    return opened


def from_extra(module: str, *, purpose: str) -> Any:
    """Our own `module`, which needs a library of the extra `accounts`.

    Raises:
        UnusableError: the extra is not installed.

    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        text = f"{purpose} need `{error.name}`, which an extra brings: pip install 'toolgate[accounts]'"
        raise UnusableError(text) from error
