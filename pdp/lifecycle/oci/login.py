"""Logging in at a registry: what its challenge asks for, shown to it alone or to the https realm that it names."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import httpx
import msgspec

from pdp.lifecycle.credentials import Credentials, is_token
from pdp.lifecycle.oci.repository import Repository
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import OK, Answer, OversizedError, Talk
from pdp.tokens.fetch.endpoint import Endpoint
from pdp.tokens.fetch.unavailable import UnavailableError

MAX_TOKEN_BYTES: Final = 64 * 1024

_SCHEME: Final = re.compile(r"(?:^|,)[ \t]*+(basic|bearer)(?=[ \t]|,|$)", re.IGNORECASE)
# Possessive: no challenge, however long, is looked at more than a few times.
_PARAMETER: Final = re.compile(r'([A-Za-z]++)="([^"\\]*+)"')


class _Token(msgspec.Struct, frozen=True):
    token: str | None = None
    access_token: str | None = None


class Login:
    """Answers the challenges of one repository's registry.

    INVARIANT: credentials go to the registry, or to the realm it names, which is https; http only where both are on
    this machine.
    """

    def __init__(self, repository: Repository, *, credentials: Credentials | None) -> None:
        self._repository = repository
        self._credentials = credentials
        self._header: str | None = None

    def headers(self) -> Mapping[str, str]:
        """What goes with a request; nothing before the first challenge."""
        header = self._header
        return {} if header is None else {"authorization": header}

    def renew(self, challenged: Answer, *, talk: Talk) -> None:
        """Have what the challenge in `challenged` asks for.

        Raises:
            SourceError: it cannot be had, or must not be shown where the challenge says.

        """
        challenges = _challenges(challenged.headers.get_list("www-authenticate"))
        if "bearer" in challenges:
            self._header = f"Bearer {self._token(challenges['bearer'], talk)}"
        elif "basic" in challenges and self._credentials is not None and self._credentials.user is not None:
            self._header = self._credentials.header()
        elif "basic" in challenges:
            raise SourceError(f"`{challenged.host}` asks for a `user` with a `password`")
        else:
            raise SourceError(f"`{challenged.host}` asks for credentials of a kind that is not known here")

    def _token(self, challenge: Mapping[str, str], talk: Talk) -> str:
        if self._credentials is not None and self._credentials.user is None:
            return self._credentials.password
        realm = self._realm(challenge)
        headers = {} if self._credentials is None else {"authorization": self._credentials.header()}
        try:
            answer = talk.ask(realm, headers=headers, max_bytes=MAX_TOKEN_BYTES)
            if answer.status != OK:
                raise answer.refused("a token for the registry")
            found = msgspec.json.decode(answer.body, type=_Token)
        except (OversizedError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceError(f"`{realm.host}` answered with no token") from error
        token = found.token or found.access_token or ""
        if not is_token(token):
            raise SourceError(f"`{realm.host}` answered with no token")
        return token

    def _realm(self, challenge: Mapping[str, str]) -> Endpoint:
        """Where a token is had, with the question; a token for other repositories is not asked for."""
        host = self._repository.registry.host
        if not all(self._is_ours(scope) for scope in challenge.get("scope", "").split()):
            raise SourceError(f"`{host}` asks for a token about another repository")
        try:
            realm = self._repository.registry.naming(challenge.get("realm", ""))
        except UnavailableError as error:
            raise SourceError(f"`{host}` names a realm that gets no credentials: {error}") from error
        asked = urlencode({name: challenge[name] for name in ("service", "scope") if name in challenge})
        raw = realm.url.raw_path.decode("ascii")
        joint = "&" if "?" in raw else "?"
        return Endpoint(_with_path(realm.url, f"{raw}{joint}{asked}" if asked else raw), realm.exposure)

    def _is_ours(self, scope: str) -> bool:
        return scope.startswith(f"repository:{self._repository.name}:")


def _with_path(url: httpx.URL, raw: str) -> httpx.URL:
    return url.copy_with(raw_path=raw.encode("ascii"))


def _challenges(values: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """The first challenge of each scheme (RFC 9110, section 11.6.1), its parameters' names in lower case."""
    found: dict[str, Mapping[str, str]] = {}
    for value in values:
        marks = [*_SCHEME.finditer(value)]
        ends = [*(mark.start() for mark in marks[1:]), len(value)]
        for mark, end in zip(marks, ends, strict=False):
            text = value[mark.end() : end]
            found.setdefault(mark[1].lower(), {name.lower(): quoted for name, quoted in _PARAMETER.findall(text)})
    return found
