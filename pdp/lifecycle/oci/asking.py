"""One request at a registry: with credentials where it asks for them, and at no other host with them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import httpx

from pdp.lifecycle.oci.artifact import untrusted
from pdp.lifecycle.oci.login import Login
from pdp.lifecycle.oci.repository import Repository
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import UNAUTHORIZED, Answer, OversizedError, Talk
from pdp.tokens.fetch.endpoint import Endpoint
from pdp.tokens.fetch.unavailable import UnavailableError

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Asking:
    """Asks the registry of `repository`."""

    def __init__(self, repository: Repository, *, talk: Talk, login: Login) -> None:
        self.repository = repository
        self._talk = talk
        self._login = login

    def once(
        self,
        endpoint: Endpoint,
        *,
        method: str = "GET",
        headers: Mapping[str, str] = _NONE,
        content: bytes | None = None,
        max_bytes: int = 0,
    ) -> Answer:
        """The answer to one request, which is made again after a challenge.

        Raises:
            SourceError: there is none, or the registry does not take the credentials.

        """
        answer = self._plain(endpoint, method, headers, content, max_bytes)
        if answer.status != UNAUTHORIZED:
            return answer
        self._login.renew(answer, talk=self._talk)
        answer = self._plain(endpoint, method, headers, content, max_bytes)
        if answer.status == UNAUTHORIZED:
            raise answer.refused("logging in")
        return answer

    def content(self, endpoint: Endpoint, *, accept: str = "*/*", what: str, max_bytes: int) -> Answer:
        """The answer whose body is of use; `what` it would be is for messages.

        Raises:
            SourceError: as `once`.
            BundleError: `bundle_untrusted`, it is longer than `max_bytes`.

        """
        try:
            return self.once(endpoint, headers={"accept": accept}, max_bytes=max_bytes)
        except OversizedError as error:
            raise untrusted(f"{what}: {error}") from error

    def elsewhere(self, answer: Answer, *, what: str, max_bytes: int) -> Answer:
        """What is at the place that `answer` names: https, or http where the registry itself is on this machine.

        INVARIANT: no credentials go there.

        Raises:
            SourceError, BundleError: as `content`.

        """
        here = self.repository.registry
        try:
            target = here.naming(str(here.url.join(answer.headers.get("location", ""))))
        except (UnavailableError, httpx.InvalidURL) as error:
            raise SourceError(f"`{answer.host}` says that {what} is where nobody is asked: {error}") from error
        try:
            return self._talk.ask(target, max_bytes=max_bytes)
        except OversizedError as error:
            raise untrusted(f"{what}: {error}") from error

    def _plain(
        self, endpoint: Endpoint, method: str, headers: Mapping[str, str], content: bytes | None, max_bytes: int
    ) -> Answer:
        shown = {**headers, **self._login.headers()}
        return self._talk.ask(endpoint, method=method, headers=shown, content=content, max_bytes=max_bytes)
