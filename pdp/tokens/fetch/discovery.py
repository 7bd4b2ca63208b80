"""What an issuer publishes about itself (RFC 8414; OpenID Connect Discovery 1.0), as the MCP specification has it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.tokens.fetch.endpoint import Endpoint, read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher, FetchLimits
from pdp.tokens.fetch.kept import Kept
from pdp.tokens.fetch.unavailable import StatusError, UnavailableError

MAX_METADATA_BYTES: Final = 128 * 1024

_LIMITS: Final = JsonLimits(max_bytes=MAX_METADATA_BYTES, max_depth=16)
_OAUTH: Final = "/.well-known/oauth-authorization-server"
_OPENID: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class _Metadata:
    home: Endpoint
    members: Mapping[str, Any]

    def endpoint(self, name: str) -> Endpoint:
        url = self.members.get(name)
        if not isinstance(url, str):
            raise UnavailableError(f"the metadata of `{self.home.host}` has no `{name}`")
        try:
            return self.home.naming(url)
        except UnavailableError as error:
            raise UnavailableError(f"`{name}` in the metadata of `{self.home.host}`: {error}") from error


class Discovery:
    """Finds the metadata of `issuer` when it is first needed and keeps it; `timeout` is seconds for one search."""

    def __init__(
        self, issuer: str, *, fetcher: Fetcher, timeout: float, max_age: float, log: FilteringBoundLogger
    ) -> None:
        self._issuer = issuer
        self._places = tuple(map(read_endpoint, metadata_urls(issuer)))
        self._fetcher = fetcher
        self._timeout = timeout
        self._kept = Kept(self._search, what="metadata", max_age=max_age, log=log)

    async def endpoint(self, name: str, *, now: float) -> Endpoint:
        """The endpoint that the metadata calls `name` at Unix time `now`: `jwks_uri`, `introspection_endpoint`.

        Raises:
            UnavailableError: the metadata cannot be had, has no such member, or one that must not be asked.

        """
        return (await self._kept.obtain(now=now)).endpoint(name)

    async def _search(self, now: float) -> _Metadata:
        _ = now
        failures: list[UnavailableError] = []
        try:
            async with asyncio.timeout(self._timeout):
                for place in self._places:
                    try:
                        return await self._read(place)
                    except UnavailableError as error:
                        failures.append(error)
        except TimeoutError:
            failures.insert(0, UnavailableError(f"finding the issuer's metadata took longer than {self._timeout:g} s"))
        # An absent document says less than one that could not be used.
        raise next((failure for failure in failures if not isinstance(failure, StatusError)), failures[0])

    async def _read(self, place: Endpoint) -> _Metadata:
        limits = FetchLimits(self._timeout, MAX_METADATA_BYTES)
        raw = await self._fetcher.get(place, limits=limits)
        try:
            members = parse(raw, limits=_LIMITS)
        except MessageError as error:
            raise UnavailableError(f"the metadata of `{place.host}` is not exact JSON") from error
        # RFC 8414, section 3.3: identical, code point by code point.
        if not isinstance(members, dict) or members.get("issuer") != self._issuer:
            raise UnavailableError(f"the metadata of `{place.host}` is that of another issuer")
        return _Metadata(place, members)


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where the metadata of `issuer` may lie, in the order in which MCP clients look.

    Raises:
        UnavailableError: `issuer` is no URL that may be asked, or has a query or fragment (RFC 8414, section 2).

    """
    url = read_endpoint(issuer).url
    if url.query or "#" in issuer or "?" in issuer:
        raise UnavailableError("an issuer's URL has neither query nor fragment")
    path = url.raw_path.decode("ascii").rstrip("/")
    origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
    inserted = (f"{origin}{_OAUTH}{path}", f"{origin}{_OPENID}{path}")
    return (*inserted, f"{origin}{path}{_OPENID}") if path else inserted
