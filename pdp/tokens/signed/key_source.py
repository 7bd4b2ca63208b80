"""Where an issuer's key set comes from: a port, a file, a URL."""

import asyncio
import ssl
from pathlib import Path
from typing import Final, Protocol

import httpx

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.hosting.address import Exposure, host_exposure
from pdp.tokens.signed.jwks import MAX_KEY_SET_BYTES, KeysUnavailableError

_MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200


class KeySource(Protocol):
    """Gives the bytes of a key set."""

    async def fetch(self) -> bytes:
        """The key set as it is now.

        Raises:
            KeysUnavailableError: it cannot be had, whatever the reason; nothing else is raised.

        """
        ...


class FileKeys:
    """A key set in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        """The file's content.

        Raises:
            KeysUnavailableError: it cannot be read or is too large.

        """
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_KEY_SET_BYTES + 1)
        except OSError as error:
            raise KeysUnavailableError(f"`{self._path}` cannot be read: {error.strerror}") from error
        if len(content) > MAX_KEY_SET_BYTES:
            raise KeysUnavailableError(f"`{self._path}` is larger than {MAX_KEY_SET_BYTES} bytes")
        return content

    async def fetch(self) -> bytes:
        """As `read`, off the event loop."""
        return await asyncio.to_thread(self.read)


class UrlKeys:
    """A key set at an https URL, or an http one on loopback; `timeout` is seconds for the whole fetch.

    Redirects are followed within the same origin only, proxies of the environment are not used, and
    neither size nor time is left to the server.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url = httpx.URL(checked_url(url))
        self._timeout = timeout
        self._tls = ssl.create_default_context()

    async def fetch(self) -> bytes:
        """The key set as the issuer publishes it now."""
        try:
            async with asyncio.timeout(self._timeout):
                async with httpx.AsyncClient(
                    verify=self._tls, trust_env=False, timeout=self._timeout, headers={"accept-encoding": "identity"}
                ) as client:
                    return await self._follow(client)
        except TimeoutError as error:
            raise KeysUnavailableError(f"`{self._url.host}` took longer than {self._timeout} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise KeysUnavailableError(f"`{self._url.host}` cannot be reached: {type(error).__name__}") from error

    async def _follow(self, client: httpx.AsyncClient) -> bytes:
        url = self._url
        for _ in range(_MAX_REDIRECTS + 1):
            async with client.stream("GET", url) as response:
                if response.status_code not in _REDIRECTS:
                    return await self._content(response)
                target = url.join(response.headers.get("location", ""))
                if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
                    raise KeysUnavailableError(f"`{self._url.host}` redirects to another origin")
                url = target
        raise KeysUnavailableError(f"`{self._url.host}` redirects more than {_MAX_REDIRECTS} times")

    async def _content(self, response: httpx.Response) -> bytes:
        if response.status_code != _OK:
            raise KeysUnavailableError(f"`{self._url.host}` answered with status {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise KeysUnavailableError(f"`{self._url.host}` answered in an encoding that was not asked for")
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > MAX_KEY_SET_BYTES:
                raise KeysUnavailableError(f"`{self._url.host}` answered more than {MAX_KEY_SET_BYTES} bytes")
        return bytes(content)


def checked_url(url: str) -> str:
    """`url` when keys may be fetched from it.

    Raises:
        ConfigurationError: it is no URL, not https off loopback, or carries credentials.

    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise _unusable("the URL of the keys cannot be read") from error
    if parsed.userinfo:
        raise _unusable("the URL of the keys must not carry credentials")
    is_local = host_exposure(parsed.host) is Exposure.LOOPBACK
    if not parsed.host or not (parsed.scheme == "https" or (parsed.scheme == "http" and is_local)):
        raise _unusable(f"`{url}` must be https, or http on loopback")
    return url


def _unusable(message: str) -> ConfigurationError:
    return ConfigurationError([Problem("identity.issuers", 0, 0, "jwks_invalid", message)])
