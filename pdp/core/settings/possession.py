"""Proofs of possession in the section `identity` of the settings."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from pdp.core.settings.section import FilePath, Seconds, Section


class Binding(StrEnum):
    """Whether an issuer's tokens must be bound to something that their holder shows with them."""

    ALLOWED = "allowed"
    REQUIRED = "required"


class NonceUse(StrEnum):
    """Whether a proof must carry a nonce of ours."""

    UNUSED = "unused"
    REQUIRED = "required"


class DpopSettings(Section):
    """How proofs are checked (RFC 9449); `nonce_key` is a file, which several gateways may share."""

    max_age: Seconds = "60s"  # type: ignore[assignment]
    nonce: Annotated[NonceUse, Field(strict=False)] = NonceUse.UNUSED
    nonce_lifetime: Seconds = "5m"  # type: ignore[assignment]
    nonce_key: FilePath | None = None
    replay_entries: int = Field(default=131072, ge=1024, le=10_000_000)
