"""What an enforcer shows to its decision points: a key, or tokens that it gets as an OAuth client."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from enforcers.client_proof import ClientKey, ClientSecret
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import MessageError, ToolgateError
from pdp.core.contract.exact_json import JsonLimits, parse
from pdp.tokens.fetch.discovery import Discovery
from pdp.tokens.fetch.endpoint import Endpoint, read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher, FetchLimits
from pdp.tokens.fetch.unavailable import UnavailableError

MAX_ANSWER_BYTES: Final = 64 * 1024
RENEWAL_SECONDS: Final = 1.0
"""A token younger than this is not asked for again, however often it is refused."""

_UNSTATED_SECONDS: Final = 60.0
_LONGEST_SECONDS: Final = 24 * 3600.0
_MARGIN_SECONDS: Final = 30.0
_MAX_TOKEN: Final = 16 * 1024
_LIMITS: Final = JsonLimits(max_bytes=MAX_ANSWER_BYTES, max_depth=16)


class CredentialError(ToolgateError):
    """There is nothing to show now; the message names host and cause, never a secret."""


class Credential(Protocol):
    """What proves who asks."""

    async def token(self) -> str:
        """The bearer token to show.

        Raises:
            CredentialError: there is none.

        """
        ...

    async def renewed(self, refused: str) -> str | None:
        """Another token than `refused`, which a decision point did not take; None where there is no other.

        Raises:
            CredentialError: none can be had.

        """
        ...


class KeyCredential:
    """The same key always."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def token(self) -> str:
        """The key."""
        return self._key

    async def renewed(self, refused: str) -> str | None:
        """There is no other."""
        _ = refused
        return None


class TokenPlace(Protocol):
    """Where tokens are made."""

    async def find(self, *, now: float) -> tuple[Endpoint, str]:
        """The token endpoint at Unix time `now`, and the audience of what a client signs for it.

        Raises:
            UnavailableError: it cannot be found.

        """
        ...


class FixedPlace:
    """A token endpoint that is configured."""

    def __init__(self, url: str) -> None:
        self._endpoint = read_endpoint(url)
        self._url = url

    async def find(self, *, now: float) -> tuple[Endpoint, str]:
        """It is always the same."""
        _ = now
        return self._endpoint, self._url


class DiscoveredPlace:
    """The token endpoint that `issuer` publishes."""

    def __init__(self, issuer: str, *, discovery: Discovery) -> None:
        self._issuer = issuer
        self._discovery = discovery

    async def find(self, *, now: float) -> tuple[Endpoint, str]:
        """As the issuer's metadata say now."""
        return await self._discovery.endpoint("token_endpoint", now=now), self._issuer


@dataclass(frozen=True, slots=True)
class _Held:
    token: str
    since: float
    until: float


class ClientCredential:
    """Tokens of the client credentials grant (RFC 6749, section 4.4), one request at a time.

    `asked` are the form members besides the client's proof, `timeout` is seconds for one request. A token
    is used until shortly before it expires.
    """

    def __init__(
        self,
        place: TokenPlace,
        proof: ClientSecret | ClientKey,
        *,
        asked: Mapping[str, str],
        fetcher: Fetcher,
        timeout: float,
        clock: Clock,
    ) -> None:
        self._place = place
        self._proof = proof
        self._asked = {"grant_type": "client_credentials", **asked}
        self._fetcher = fetcher
        self._timeout = timeout
        self._clock = clock
        self._held: _Held | None = None
        self._flight: asyncio.Task[_Held] | None = None

    async def token(self) -> str:
        """The token at hand, or a new one.

        Raises:
            CredentialError: none can be had.

        """
        held = self._held
        if held is not None and self._clock.steady() < held.until:
            return held.token
        return (await self._fetched()).token

    async def renewed(self, refused: str) -> str | None:
        """Another token than `refused`, None where that one is new.

        Raises:
            CredentialError: none can be had.

        """
        held = self._held
        if held is not None and held.token == refused:
            if self._clock.steady() - held.since < RENEWAL_SECONDS:
                return None
            self._held = None
        token = await self.token()
        return None if token == refused else token

    async def _fetched(self) -> _Held:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch())
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    def _landed(self, flight: asyncio.Task[_Held]) -> None:
        self._flight = None
        # Asked for, so that a failure for which nobody waits any more is no alarm of the event loop's.
        if not flight.cancelled() and flight.exception() is None:
            self._held = flight.result()

    async def _fetch(self) -> _Held:
        asked_at, now = self._clock.steady(), self._clock.wall()
        try:
            async with asyncio.timeout(self._timeout):
                endpoint, audience = await self._place.find(now=now)
                headers, members = self._proof.prove(audience=audience, now=now, token_id=self._clock.identifier())
                raw = await self._fetcher.post(
                    endpoint,
                    form={**self._asked, **members},
                    headers=headers,
                    limits=FetchLimits(self._timeout, MAX_ANSWER_BYTES),
                )
        except TimeoutError as error:
            raise CredentialError(f"a token took longer than {self._timeout:g} s") from error
        except UnavailableError as error:
            raise CredentialError(f"no token: {error}") from error
        token, lasts = _read_answer(raw)
        return _Held(token, asked_at, asked_at + lasts - min(_MARGIN_SECONDS, lasts / 4))


def _read_answer(raw: bytes) -> tuple[str, float]:
    """Token and lifetime in seconds of a token endpoint's answer (RFC 6749, section 5.1).

    Raises:
        CredentialError: it is none.

    """
    try:
        answer = parse(raw, limits=_LIMITS)
    except MessageError as error:
        raise CredentialError("the token endpoint's answer is not exact JSON") from error
    if not isinstance(answer, dict) or str(answer.get("token_type")).lower() != "bearer":
        raise CredentialError("the token endpoint gives no bearer token")
    token, lasts = answer.get("access_token"), answer.get("expires_in", _UNSTATED_SECONDS)
    if not isinstance(token, str) or not _is_token(token):
        raise CredentialError("the token endpoint gives no token that can be sent")
    if isinstance(lasts, bool) or not isinstance(lasts, int | float) or not lasts > 0:
        raise CredentialError("the token endpoint does not say for how long its token is good")
    return token, min(float(lasts), _LONGEST_SECONDS)


def _is_token(text: str) -> bool:
    return 0 < len(text) <= _MAX_TOKEN and text.isascii() and text.isprintable() and " " not in text
