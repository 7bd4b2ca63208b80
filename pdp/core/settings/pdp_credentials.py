"""The section `gateway.pdp_credentials`: how an enforcer gets tokens for its decision points."""

from typing import Self

from pydantic import Field, model_validator

from pdp.core.settings.section import FilePath, Section


class PdpCredentialSettings(Section):
    """An OAuth client of its own; its issuer is a `token_endpoint`, or found from `issuer`."""

    client_id: str = Field(min_length=1)
    token_endpoint: str | None = Field(default=None, min_length=1)
    issuer: str | None = Field(default=None, min_length=1)
    client_secret: str | None = Field(default=None, min_length=1)
    private_key: FilePath | None = None
    scope: str | None = Field(default=None, min_length=1)
    resource: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.token_endpoint is None) == (self.issuer is None):
            raise ValueError("name either a `token_endpoint` or an `issuer`")
        if (self.client_secret is None) == (self.private_key is None):
            raise ValueError("a client has either a `client_secret` or a `private_key`")
        return self
