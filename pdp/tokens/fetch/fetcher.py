"""Fetching JSON from where an issuer publishes or answers: one bounded GET or POST, and nothing kept of it."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

import httpcore

from pdp.tokens.fetch.connection import CheckedConnections
from pdp.tokens.fetch.endpoint import Endpoint
from pdp.tokens.fetch.reach import Network, Reach, Resolver, SystemResolver
from pdp.tokens.fetch.unavailable import StatusError, UnavailableError

MAX_HEADER_BYTES: Final = 32 * 1024

_MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200
_JSON: Final = "application/json"
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_FAILURES: Final = (
    httpcore.ProtocolError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds on one fetch: `seconds` for all of it, redirects included, and `max_bytes` of content."""

    seconds: float
    max_bytes: int


class Fetcher:
    """Fetches JSON over connections of its own: no proxy, cookie or compression, and no other origin than was asked.

    `private_networks` may be connected to besides public addresses; `tls` says whose certificates are
    believed, by default the system's.
    """

    def __init__(
        self,
        *,
        private_networks: Iterable[Network] = (),
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reach = Reach(private_networks)
        self._resolver = SystemResolver() if resolver is None else resolver
        self._tls = ssl.create_default_context() if tls is None else tls

    async def get(self, endpoint: Endpoint, *, limits: FetchLimits) -> bytes:
        """The JSON text at `endpoint`; redirects are followed within its origin.

        Raises:
            UnavailableError: it cannot be had within `limits`; `StatusError` where there was another answer.

        """
        request = _Request("GET", _NONE, None)
        return await self._bounded(endpoint, request, limits)

    async def post(
        self, endpoint: Endpoint, *, form: Mapping[str, str], headers: Mapping[str, str] = _NONE, limits: FetchLimits
    ) -> bytes:
        """The JSON text that `endpoint` answers to `form`; a redirect is no answer.

        Raises:
            UnavailableError: as `get`.

        """
        kind = {"content-type": "application/x-www-form-urlencoded"}
        request = _Request("POST", {**headers, **kind}, urlencode(form).encode("ascii"))
        return await self._bounded(endpoint, request, limits)

    async def _bounded(self, endpoint: Endpoint, request: "_Request", limits: FetchLimits) -> bytes:
        connections = CheckedConnections(reach=self._reach, resolver=self._resolver, exposure=endpoint.exposure)
        try:
            async with asyncio.timeout(limits.seconds):
                async with httpcore.AsyncConnectionPool(self._tls, network_backend=connections) as pool:
                    return await _answer(pool, endpoint, request, limits)
        except TimeoutError as error:
            raise UnavailableError(f"`{endpoint.host}` took longer than {limits.seconds:g} s") from error
        except _FAILURES as error:
            raise UnavailableError(f"`{endpoint.host}` cannot be reached: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True, repr=False)
class _Request:
    method: str
    headers: Mapping[str, str]
    content: bytes | None

    def lines(self, endpoint: Endpoint) -> list[tuple[bytes, bytes]]:
        own = {"accept": _JSON, "accept-encoding": "identity", "user-agent": "toolgate", "connection": "close"}
        lines = [(b"host", endpoint.url.netloc)]
        return lines + [(name.encode("ascii"), text.encode("ascii")) for name, text in {**own, **self.headers}.items()]


async def _answer(
    pool: httpcore.AsyncConnectionPool, endpoint: Endpoint, request: _Request, limits: FetchLimits
) -> bytes:
    for _ in range(_MAX_REDIRECTS + 1):
        url = endpoint.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), limits.seconds)
        async with pool.stream(
            request.method,
            target,
            headers=request.lines(endpoint),
            content=request.content,
            extensions={"timeout": timeouts},
        ) as response:
            headers = _headers(endpoint, response)
            if request.method != "GET" or response.status not in _REDIRECTS:
                return await _content(endpoint, response, headers, limits)
            endpoint = endpoint.moved(headers.get("location", ""))
    raise UnavailableError(f"`{endpoint.host}` redirects more than {_MAX_REDIRECTS} times")


def _headers(endpoint: Endpoint, response: httpcore.Response) -> Mapping[str, str]:
    if sum(len(name) + len(text) for name, text in response.headers) > MAX_HEADER_BYTES:
        raise UnavailableError(f"`{endpoint.host}` answered with more than {MAX_HEADER_BYTES} bytes of headers")
    return {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers}


async def _content(
    endpoint: Endpoint, response: httpcore.Response, headers: Mapping[str, str], limits: FetchLimits
) -> bytes:
    if response.status != _OK:
        raise StatusError(endpoint.host, response.status)
    if headers.get("content-encoding", "identity") != "identity":
        raise UnavailableError(f"`{endpoint.host}` answered in an encoding that was not asked for")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind == _JSON or (kind.startswith("application/") and kind.endswith("+json"))):
        raise UnavailableError(f"`{endpoint.host}` answered with something that is not called JSON")
    content = bytearray()
    async for chunk in response.aiter_stream():
        content += chunk
        if len(content) > limits.max_bytes:
            raise UnavailableError(f"`{endpoint.host}` answered more than {limits.max_bytes} bytes")
    return bytes(content)
