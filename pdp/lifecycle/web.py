"""Asking servers about bundles: bounded in time and size, and every failure of the connection mapped at this edge."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import httpcore
import httpx

from pdp.hosting.address import Exposure, host_exposure
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.timed_network import Deadline, TimedNetwork
from pdp.tokens.fetch.endpoint import Endpoint, read_endpoint
from pdp.tokens.fetch.unavailable import UnavailableError

OK: Final = 200
NOT_MODIFIED: Final = 304
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
TEMPORARY_REDIRECTS: Final = frozenset({302, 303, 307})

_IGNORED_BYTES: Final = 64 * 1024
"""How much of an answer that says no is read, so that the connection can go on."""
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
FAILURES: Final = (
    httpcore.ProtocolError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    OSError,
    UnicodeError,  # a host's label of more than 63 characters, from the resolver
)


class OversizedError(SourceError):
    """An answer is longer than it may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; of other answers than `200` the body is not kept."""

    host: str
    status: int
    headers: httpx.Headers
    body: bytes

    def refused(self, what: str) -> SourceError:
        """The error that `what` could not be done, for the status that this answer has."""
        meaning = {
            UNAUTHORIZED: "it does not take the credentials",
            FORBIDDEN: "the credentials do not permit that",
            NOT_FOUND: "it is not there",
        }.get(self.status, f"it answered with status {self.status}")
        return SourceError(f"`{self.host}`: {what}: {meaning}")


def site(url: str) -> Endpoint:
    """The server and path that bundles are at: https, or http on this machine.

    Raises:
        UnavailableError: it is another kind of URL, or has credentials, a query or a fragment.

    """
    endpoint = _https_or_here(url)
    if "?" in url or "#" in url:
        raise UnavailableError("the URL must have neither query nor fragment")
    return endpoint


def _https_or_here(url: str) -> Endpoint:
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL as error:
        raise UnavailableError("the URL cannot be read") from error
    if url.startswith("http://") and host and host_exposure(host) is Exposure.NETWORK:
        raise UnavailableError("without TLS only this machine is asked: write `https://` (`oci://` for a registry)")
    return read_endpoint(url)


class Web:
    """How servers are asked: `timeout` seconds for one exchange, `tls` says whose certificates are believed.

    No proxy, no cookie, no redirect, no compression.
    """

    def __init__(self, *, timeout: float, tls: ssl.SSLContext | None = None) -> None:
        self._timeout = timeout
        self._tls = ssl.create_default_context() if tls is None else tls

    @contextmanager
    def talk(self) -> Iterator["Talk"]:
        """Exchanges of one thread, over connections that are kept until the end of the block."""
        deadline = Deadline(self._timeout)
        with httpcore.ConnectionPool(self._tls, network_backend=TimedNetwork(deadline)) as pool:
            yield Talk(pool, deadline)


class Talk:
    """Exchanges, one after the other."""

    def __init__(self, pool: httpcore.ConnectionPool, deadline: Deadline) -> None:
        self._pool = pool
        self._deadline = deadline

    def ask(
        self,
        endpoint: Endpoint,
        *,
        method: str = "GET",
        headers: Mapping[str, str] = _NONE,
        content: bytes | None = None,
        max_bytes: int = 0,
    ) -> Answer:
        """What `endpoint` answers; a body of at most `max_bytes`.

        Raises:
            SourceError: it cannot be had whole and in time; `OversizedError` where it is too long.

        """
        self._deadline.restart()
        own = {"accept-encoding": "identity", "user-agent": "toolgate"}
        lines = [(name.encode("ascii"), text.encode("latin-1")) for name, text in {**own, **headers}.items()]
        url = endpoint.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            with self._pool.stream(method, target, headers=lines, content=content) as response:
                return self._answer(endpoint.host, response, max_bytes=0 if method == "HEAD" else max_bytes)
        except httpcore.TimeoutException as error:
            raise SourceError(f"`{endpoint.host}` took longer than {self._deadline.seconds:g} s") from error
        except FAILURES as error:
            raise SourceError(f"`{endpoint.host}` cannot be asked: {_cause(error)}") from error

    def _answer(self, host: str, response: httpcore.Response, *, max_bytes: int) -> Answer:
        headers = httpx.Headers(response.headers)
        if response.status != OK:
            _drain(response)
            return Answer(host, response.status, headers, b"")
        if max_bytes == 0:
            return Answer(host, response.status, headers, b"")
        return Answer(host, response.status, headers, _body(host, response, headers, max_bytes))


def _body(host: str, response: httpcore.Response, headers: httpx.Headers, max_bytes: int) -> bytes:
    if headers.get("content-encoding", "identity") != "identity":
        raise SourceError(f"`{host}` answered in an encoding that was not asked for")
    declared = headers.get("content-length")
    if declared is None and headers.get("transfer-encoding") is None:
        # It would end where the connection does, and nobody could tell a part from the whole.
        raise SourceError(f"`{host}` does not say how long its answer is")
    if declared is not None and int(declared) > max_bytes:
        raise OversizedError(f"`{host}` announced {declared} bytes, at most {max_bytes} are read")
    content = bytearray()
    for chunk in response.iter_stream():
        content += chunk
        if len(content) > max_bytes:
            raise OversizedError(f"`{host}` answered more than {max_bytes} bytes")
    return bytes(content)


def _drain(response: httpcore.Response) -> None:
    read = 0
    for chunk in response.iter_stream():
        read += len(chunk)
        if read > _IGNORED_BYTES:
            return


def _cause(error: Exception) -> str:
    """Never the library's own text: it may quote what the server sent, and that may quote what we sent."""
    if isinstance(error, httpcore.RemoteProtocolError):
        return "its answer breaks off or is no HTTP"
    below = next((one for one in (error, *error.args) if isinstance(one, OSError)), None)
    if isinstance(below, ssl.SSLCertVerificationError):
        return "its certificate is not believed"
    if below is not None and below.strerror:
        return below.strerror
    return type(error).__name__
