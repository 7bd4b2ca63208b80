"""Opaque tokens in the section `identity` of the settings: asking their issuer about each."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from pdp.core.settings.section import FilePath, Seconds, Section


class WithoutAudience(StrEnum):
    """What an answer that names no audience is worth."""

    REFUSED = "refused"
    BELIEVED = "believed"


class WithoutSubject(StrEnum):
    """Whose a token is when the answer names no subject: nobody's, or its client's own."""

    REFUSED = "refused"
    CLIENT = "client"


class IntrospectionSettings(Section):
    """Where and as whom to ask (RFC 7662); of the three ways to show who asks there is exactly one."""

    endpoint: str | None = Field(default=None, min_length=1)
    client_id: str = Field(min_length=1)
    client_secret: str | None = Field(default=None, min_length=1)
    client_secret_file: FilePath | None = None
    client_key: FilePath | None = None
    token_prefix: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._~+/-]{3,64}$")
    without_audience: Annotated[WithoutAudience, Field(strict=False)] = WithoutAudience.REFUSED
    without_subject: Annotated[WithoutSubject, Field(strict=False)] = WithoutSubject.REFUSED
    max_age: Seconds = "30s"  # type: ignore[assignment]
    timeout: Seconds = "5s"  # type: ignore[assignment]
    max_concurrent: int = Field(default=16, gt=0, le=1000)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.client_secret, self.client_secret_file, self.client_key)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("name one of `client_secret`, `client_secret_file` and `client_key`")
        return self
