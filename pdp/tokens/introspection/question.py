"""The question about a token, over HTTP (RFC 7662 section 2.1)."""

from typing import Final, Protocol

from pdp.tokens.fetch.discovery import Discovery
from pdp.tokens.fetch.endpoint import Endpoint
from pdp.tokens.fetch.fetcher import Fetcher, FetchLimits
from pdp.tokens.introspection.answer import MAX_ANSWER_BYTES
from pdp.tokens.introspection.client import ClientAuthentication

_DISCOVERED: Final = "introspection_endpoint"
_HINT: Final = "access_token"


class Questions(Protocol):
    """Asks about tokens."""

    async def ask(self, token: str, *, now: float) -> bytes:
        """The answer about `token` at Unix time `now`.

        Raises:
            UnavailableError: there is none, whatever the reason; nothing else is raised.

        """
        ...


class HttpQuestions:
    """Asks at `place`, or where an issuer's metadata says; `timeout` is seconds for one question."""

    def __init__(
        self, place: Endpoint | Discovery, *, client: ClientAuthentication, fetcher: Fetcher, timeout: float
    ) -> None:
        self._place = place
        self._client = client
        self._fetcher = fetcher
        self._limits = FetchLimits(timeout, MAX_ANSWER_BYTES)

    async def ask(self, token: str, *, now: float) -> bytes:
        """The answer about `token` at Unix time `now`."""
        place = self._place
        endpoint = place if isinstance(place, Endpoint) else await place.endpoint(_DISCOVERED, now=now)
        shown = self._client.show(now=now)
        form = {"token": token, "token_type_hint": _HINT, **shown.form}
        return await self._fetcher.post(endpoint, form=form, headers=shown.headers, limits=self._limits)
