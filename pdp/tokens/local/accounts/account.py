"""An account, and the port to where accounts are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pdp.core.contract.errors import ToolgateError


class AccountsUnavailableError(ToolgateError):
    """The store of accounts cannot be used now."""


class AccountState(StrEnum):
    """Where an account is in its life; only an active one lets anybody in."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


class CodePurpose(StrEnum):
    """What a code in a mail is for."""

    INVITATION = "invitation"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Account:
    """One account; a token says which `version` it was given under, and dies with it."""

    email: str
    state: AccountState = AccountState.INVITED
    password: str | None = field(default=None, repr=False)
    version: int = 1
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()

    def claims(self) -> dict[str, Any]:
        """What a token says of its holder; what is absent stays absent."""
        claims = {
            "sub": self.email,
            "email": self.email,
            "groups": list(self.groups) or None,
            "roles": list(self.roles) or None,
            "scope": " ".join(self.scopes) or None,
        }
        return {name: value for name, value in claims.items() if value is not None}


class AccountStore(Protocol):
    """Keeps accounts; its methods block, each is one transaction, and each may raise AccountsUnavailableError."""

    def find(self, email: str) -> Account | None:
        """The account of `email`, which is normalised."""
        ...

    def all(self) -> Sequence[Account]:
        """Every account, by e-mail."""
        ...

    def invite(self, account: Account) -> Account:
        """Keep `account`, or give the one of that address where there is one already."""
        ...

    def set_state(self, email: str, *, state: AccountState) -> Account | None:
        """Change the state; the version goes up and codes end. None where there is no such account."""
        ...

    def put_code(self, digest: str, *, email: str, purpose: CodePurpose, expires_at: float) -> None:
        """Keep a code by its digest; earlier codes of the account end."""
        ...

    def holder(self, digest: str, *, now: float) -> Account | None:
        """Whose code it is, None where it is unknown or has expired."""
        ...

    def redeem(self, digest: str, *, password: str, now: float) -> Account | None:
        """Set the password hash of the code's holder and make the account active, once; the version goes up."""
        ...

    def set_password(self, email: str, *, password: str, version: int) -> Account | None:
        """Set the password hash when the account is active and still at `version`, which goes up."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...
