"""URLs that may be asked: https, or http on this machine."""

from dataclasses import dataclass
from typing import Final

import httpx

from pdp.hosting.address import Exposure, host_exposure
from pdp.tokens.fetch.unavailable import UnavailableError

_MAX_URL: Final = 2048
_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL that may be asked; with the exposure `loopback` nothing but this machine is."""

    url: httpx.URL
    exposure: Exposure

    @property
    def host(self) -> str:
        """The host, for messages."""
        return self.url.host

    def moved(self, location: str) -> "Endpoint":
        """Where a redirect to `location` leads.

        Raises:
            UnavailableError: to another origin (RFC 6454, section 4), or to no URL.

        """
        try:
            target = self.url.join(location)
        except httpx.InvalidURL as error:
            raise UnavailableError(f"`{self.host}` redirects to what is no URL") from error
        if _origin(target) != _origin(self.url) or target.userinfo or len(str(target)) > _MAX_URL:
            raise UnavailableError(f"`{self.host}` redirects to another origin")
        return Endpoint(target, self.exposure)

    def naming(self, url: str) -> "Endpoint":
        """The endpoint `url` that a document from here names.

        Raises:
            UnavailableError: it must not be asked, or lies on this machine and this one does not.

        """
        named = read_endpoint(url)
        if named.exposure is Exposure.LOOPBACK and self.exposure is not Exposure.LOOPBACK:
            raise UnavailableError(f"`{self.host}` names a URL on this machine")
        return named


def read_endpoint(text: str) -> Endpoint:
    """The endpoint at the URL `text`; its fragment is dropped.

    Raises:
        UnavailableError: it is no URL, not https off loopback, carries credentials, or is longer than 2048.

    """
    try:
        url = httpx.URL(text).copy_with(fragment=None) if len(text) <= _MAX_URL else None
        has_host = url is not None and bool(url.raw_host) and 0 < (url.port or 1) <= _MAX_PORT
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise UnavailableError("the URL cannot be read") from error
    if url is None or not has_host:
        raise UnavailableError("the URL cannot be read")
    if url.userinfo:
        raise UnavailableError("the URL must not carry credentials")
    exposure = host_exposure(url.host)
    if not (url.scheme == "https" or (url.scheme == "http" and exposure is Exposure.LOOPBACK)):
        raise UnavailableError(f"a URL on `{url.host}` must be https; http is for loopback")
    return Endpoint(url, exposure)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
