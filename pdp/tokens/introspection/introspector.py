"""Introspection: a verifier of opaque tokens that asks their issuer, and not more often than it must."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final, TypeAlias

import cachetools
from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.introspection.answer import IntrospectedIssuer, judge, read_answer
from pdp.tokens.introspection.question import Questions

MAX_ENTRIES: Final = 4096
"""How many good tokens' claims are held, and how many refusals; the one unused for longest makes room."""
REFUSED_SECONDS: Final = 5.0
"""How long a refused token is refused without asking again."""
MAX_WAITING: Final = 1024
"""How many tokens may be in question at once; further ones are refused rather than wait for an issuer."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: ReasonCode
    detail: str


_Outcome: TypeAlias = VerifiedClaims | _Refusal


@dataclass(frozen=True, slots=True)
class _Held:
    outcome: _Outcome
    since: float
    until: float


class Introspector:
    """Verifies the tokens of one issuer with `questions`, of which `max_concurrent` are open at once.

    What it found is held by the token's SHA-256: claims until the token expires and no longer than the
    issuer's `max_age`, refusals for `REFUSED_SECONDS`. Callers with one token share one question. `timeout`
    is seconds from a caller's first question to an answer or `issuer_unavailable`; that is never held.
    """

    def __init__(
        self,
        issuer: IntrospectedIssuer,
        questions: Questions,
        *,
        timeout: float,
        max_concurrent: int,
        log: FilteringBoundLogger,
        entries: int = MAX_ENTRIES,
        waiting: int = MAX_WAITING,
    ) -> None:
        self._issuer = issuer
        self._questions = questions
        self._timeout = timeout
        self._waiting = waiting
        self._turns = asyncio.Semaphore(max_concurrent)
        self._log = log.bind(issuer=issuer.alias)
        # INVARIANT: apart, so that no number of bad tokens pushes out what is known of good ones.
        self._good: cachetools.LRUCache[bytes, _Held] = cachetools.LRUCache(entries)
        self._bad: cachetools.LRUCache[bytes, _Held] = cachetools.LRUCache(entries)
        self._flights: dict[bytes, asyncio.Task[_Outcome]] = {}
        self._is_down = False

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        """The claims of `token` when its issuer says that it is active, and it is meant for us.

        Raises:
            TokenError: as `judge`, or `issuer_unavailable`.

        """
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        outcome = self._known(key, now) or await self._ask_once(key, token, now)
        if isinstance(outcome, _Refusal):
            raise TokenError(outcome.code, outcome.detail)
        return outcome

    def _known(self, key: bytes, now: float) -> _Outcome | None:
        held = self._good.get(key) or self._bad.get(key)
        # A clock that was set back is no reason to believe what was true at a later time.
        return held.outcome if held is not None and held.since <= now < held.until else None

    async def _ask_once(self, key: bytes, token: str, now: float) -> _Outcome:
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= self._waiting:
                return _Refusal(ReasonCode.ISSUER_UNAVAILABLE, "too many tokens are in question at once")
            flight = asyncio.get_running_loop().create_task(self._fly(key, token, now))
            self._flights[key] = flight
        # One caller that goes away takes no other's answer along.
        return await asyncio.shield(flight)

    async def _fly(self, key: bytes, token: str, now: float) -> _Outcome:
        try:
            answer = read_answer(await self._ask(token, now))
            self._note(None)
            claims = judge(answer, by=self._issuer, now=now)
        except UnavailableError as error:
            self._note(str(error))
            return _Refusal(ReasonCode.ISSUER_UNAVAILABLE, str(error))
        except TokenError as error:
            refusal = _Refusal(error.code, error.detail)
            self._good.pop(key, None)
            self._bad[key] = _Held(refusal, now, now + REFUSED_SECONDS)
            return refusal
        finally:
            del self._flights[key]
        self._good[key] = _Held(claims, now, min(now + self._issuer.max_age, claims.expires_at))
        return claims

    async def _ask(self, token: str, now: float) -> bytes:
        try:
            async with asyncio.timeout(self._timeout), self._turns:
                return await self._questions.ask(token, now=now)
        except TimeoutError as error:
            raise UnavailableError(f"no answer about a token within {self._timeout:g} s") from error

    def _note(self, cause: str | None) -> None:
        """Log when the issuer goes down or comes back, not each question in between."""
        if self._is_down is not (cause is not None):
            self._is_down = cause is not None
            if cause is None:
                self._log.info("introspection_resumed")
            else:
                self._log.warning("introspection_unavailable", cause=cause)
