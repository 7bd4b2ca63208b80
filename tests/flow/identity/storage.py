"""Where the SDK's clients keep their tokens and registration: in memory."""

from mcp.shared.auth import OAuthClientInformationFull, OAuthToken


class Storage:
    def __init__(self, client: OAuthClientInformationFull | None = None) -> None:
        self.tokens: OAuthToken | None = None
        self.client = client

    @property
    def scopes(self) -> set[str]:
        assert self.tokens is not None
        return set((self.tokens.scope or "").split())

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info
