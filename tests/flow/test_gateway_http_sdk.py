"""The official SDK's client finds its way from a 401 to the issuer; the whole login is shown with a real one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from tests.flow.gateway_host import odd, open_host, serve


class Forgetful:
    """Keeps nothing."""

    async def get_tokens(self) -> OAuthToken | None:
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        raise AssertionError("nobody gave out a token")

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("nobody registered a client")


@asynccontextmanager
async def silent_issuer() -> AsyncIterator[tuple[str, list[str]]]:
    """An issuer that answers 404 to everything, and the paths that it was asked for."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b" ")[1].decode())
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/tenant", asked


async def never(_url: str) -> None:
    raise AssertionError("there is no page to go to")


async def no_code() -> AuthorizationCodeResult:
    raise AssertionError("there is no code to bring")


@pytest.mark.parametrize("method", ["initialize", "tools/list"])
async def test_the_sdk_goes_from_the_401_over_the_metadata_to_the_issuer(method: str) -> None:
    async with (
        asyncio.timeout(60),
        silent_issuer() as (issuer, asked),
        open_host({"odd": odd("plain")}) as opened,
        serve(opened, issuer=issuer) as host,
    ):
        wanted = OAuthClientMetadata.model_validate({"redirect_uris": ["http://127.0.0.1:1/back"]})
        login = OAuthClientProvider(host.url, wanted, Forgetful(), redirect_handler=never, callback_handler=no_code)
        async with create_mcp_http_client(auth=login) as http:
            with pytest.raises(OAuthFlowError):
                await http.post(host.url, json={"jsonrpc": "2.0", "id": 1, "method": method})
        metadata = login.context.protected_resource_metadata
        assert metadata is not None
        assert (str(metadata.resource), [str(server) for server in metadata.authorization_servers]) == (
            host.url,
            [issuer],
        )
        assert asked[0] == "/.well-known/oauth-authorization-server/tenant"
        assert host.reasons == ["token_missing"]
