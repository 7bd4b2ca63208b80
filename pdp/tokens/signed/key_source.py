"""Where an issuer's key set comes from: a port, a file, a URL, the issuer's metadata."""

import asyncio
from pathlib import Path
from typing import Final, Protocol

from pdp.tokens.fetch.discovery import Discovery
from pdp.tokens.fetch.endpoint import Endpoint
from pdp.tokens.fetch.fetcher import Fetcher, FetchLimits
from pdp.tokens.signed.jwks import MAX_KEY_SET_BYTES, KeysUnavailableError

_MEMBER: Final = "jwks_uri"


class KeySource(Protocol):
    """Gives the bytes of a key set."""

    async def fetch(self, *, now: float) -> bytes:
        """The key set as it is at Unix time `now`.

        Raises:
            UnavailableError: it cannot be had, whatever the reason; nothing else is raised.

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

    async def fetch(self, *, now: float) -> bytes:
        """As `read`, off the event loop."""
        _ = now
        return await asyncio.to_thread(self.read)


class UrlKeys:
    """A key set at an endpoint; `timeout` is seconds for the whole fetch."""

    def __init__(self, endpoint: Endpoint, *, fetcher: Fetcher, timeout: float) -> None:
        self._endpoint = endpoint
        self._fetcher = fetcher
        self._limits = FetchLimits(timeout, MAX_KEY_SET_BYTES)

    async def fetch(self, *, now: float) -> bytes:
        """The key set as the issuer publishes it now."""
        _ = now
        return await self._fetcher.get(self._endpoint, limits=self._limits)


class DiscoveredKeys:
    """The key set that an issuer's metadata names; `timeout` is seconds for finding and fetching it."""

    def __init__(self, discovery: Discovery, *, fetcher: Fetcher, timeout: float) -> None:
        self._discovery = discovery
        self._fetcher = fetcher
        self._timeout = timeout

    async def fetch(self, *, now: float) -> bytes:
        """The key set as the issuer publishes it now."""
        try:
            async with asyncio.timeout(self._timeout):
                endpoint = await self._discovery.endpoint(_MEMBER, now=now)
                return await self._fetcher.get(endpoint, limits=FetchLimits(self._timeout, MAX_KEY_SET_BYTES))
        except TimeoutError as error:
            raise KeysUnavailableError(f"finding and fetching the keys took longer than {self._timeout:g} s") from error


def is_url(jwks: str) -> bool:
    """Whether the setting `jwks` names a URL, not a file."""
    return "://" in jwks
