"""One key in the file: whose it is, what it may claim, until when; its secret only as a hash."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.document.reading import read_document
from pdp.core.identity.principal import PrincipalType

KEYS_VERSION: Final = 1
MAX_KEYS: Final = 10_000

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Time = Annotated[str, msgspec.Meta(pattern=r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")]


class KeyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key; times are RFC 3339 in UTC."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[a-z2-7]{16}\Z")]
    subject: _Name
    hash: Annotated[str, msgspec.Meta(pattern=r"\A\$argon2id\$[\x21-\x7e]+\Z", max_length=512)]
    created: _Time
    expires: _Time
    type: PrincipalType = PrincipalType.USER
    revoked: _Time | None = None
    groups: tuple[_Name, ...] = ()
    roles: tuple[_Name, ...] = ()
    scopes: tuple[_Name, ...] = ()
    tenant: _Name | None = None

    @property
    def expires_at(self) -> float:
        """When it ends, in Unix seconds."""
        return datetime.fromisoformat(self.expires).timestamp()

    def claims(self) -> dict[str, Any]:
        """What the key says of its holder, as claims; what is absent stays absent."""
        claims = {
            "sub": self.subject,
            "client_id": self.subject if self.type is PrincipalType.AGENT else None,
            "groups": list(self.groups) or None,
            "roles": list(self.roles) or None,
            "scope": " ".join(self.scopes) or None,
            "tenant": self.tenant,
        }
        return {name: value for name, value in claims.items() if value is not None}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    keys: Annotated[tuple[KeyEntry, ...], msgspec.Meta(max_length=MAX_KEYS)] = ()


def read_entries(raw: bytes, *, file: str) -> tuple[KeyEntry, ...]:
    """The keys in `raw`, YAML or JSON, which is the file `file`.

    Raises:
        ConfigurationError: it is no such file, of another version, or one id is there twice.

    """
    tree = read_document(raw, file=file).tree
    try:
        content = msgspec.convert(tree, _File)
        ended = [entry.expires_at for entry in content.keys]
    except msgspec.ValidationError as error:
        # msgspec names the place; what stands there is not repeated.
        raise _unusable(file, f"this is no file of API keys: {str(error).rpartition(' - ')[2]}") from error
    except ValueError as error:
        raise _unusable(file, "a key has a time that does not exist") from error
    if content.version != KEYS_VERSION:
        raise _unusable(file, f"version {content.version} of this file is not known, {KEYS_VERSION} is")
    if len({entry.id for entry in content.keys}) != len(ended):
        raise _unusable(file, "two keys have one id")
    return content.keys


def write_entries(entries: Sequence[KeyEntry]) -> bytes:
    """A file with `entries`, as JSON, which YAML reads the same."""
    content = msgspec.json.encode(_File(KEYS_VERSION, tuple(entries)))
    return msgspec.json.format(content, indent=2) + b"\n"


def _unusable(file: str, message: str) -> ConfigurationError:
    return ConfigurationError([Problem(file, 0, 0, "api_keys_invalid", message)])
