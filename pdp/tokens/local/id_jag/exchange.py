"""The exchange of an assertion for an access token, in numbered steps."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from structlog.typing import FilteringBoundLogger

from pdp.core.contract.errors import TokenError
from pdp.core.contract.identifier import uuid7
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.local.id_jag.clients import Clients
from pdp.tokens.local.id_jag.grant import Asked, granted
from pdp.tokens.local.id_jag.refusal import GrantError, GrantErrorCode, bad_grant
from pdp.tokens.local.local_issuer import IssuedToken, LocalIssuer
from pdp.tokens.local.local_tokens import PROVIDER_CLAIM
from pdp.tokens.proof.replay import SeenProofs
from pdp.tokens.signed.compact_token import MAX_TOKEN_BYTES
from pdp.tokens.verification import Verifier

ID_JAG_TYPE: Final = "oauth-id-jag+jwt"
MAX_ASSERTION_BYTES: Final = 12 * 1024
"""So much that the token, which carries what the assertion says of its subject, is no larger than tokens may be."""
REMEMBERED: Final = 65_536
"""Assertions that are remembered until they have expired, so that none is used twice."""

_LATER: Final = "try again later"


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the client gets (RFC 6749, section 5.1)."""

    token: IssuedToken = field(repr=False)
    scope: str | None


class Exchange:
    """Gives tokens of `issuer` for assertions that `assertions` verifies; `random` gives so many random bytes."""

    def __init__(
        self,
        assertions: Verifier,
        *,
        clients: Clients,
        issuer: LocalIssuer,
        leeway: float,
        random: Callable[[int], bytes],
        log: FilteringBoundLogger,
    ) -> None:
        self._assertions = assertions
        self._clients = clients
        self._issuer = issuer
        self._leeway = leeway
        self._random = random
        self._log = log
        self._seen = SeenProofs(entries=REMEMBERED)

    async def token(self, assertion: str, *, asked: Asked, secret: str, now: float) -> TokenAnswer:
        """A token for `assertion`, for the client that `asked` names and whose secret is `secret`, at Unix time `now`.

        Raises:
            GrantError: why there is none; it is logged.

        """
        try:
            answer, alias, subject = await self._exchange(assertion, asked, secret, now)
        except GrantError as error:
            self._log.warning("assertion_refused", code=error.code, detail=error.detail)
            raise
        self._log.info("assertion_exchanged", client=asked.client_id, issuer=alias, subject=subject)
        return answer

    async def _exchange(self, assertion: str, asked: Asked, secret: str, now: float) -> tuple[TokenAnswer, str, str]:
        # (1) the client
        self._clients.check(asked.client_id, secret=secret, now=now)
        # (2) the assertion: who signed it, for whom, until when
        if len(assertion) > MAX_ASSERTION_BYTES:
            raise bad_grant(f"longer than {MAX_ASSERTION_BYTES} bytes")
        try:
            verified = await self._assertions.verify(assertion, now=now)
        except TokenError as error:
            raise _refusal(error) from error
        # (3) what it gives to this client here
        grant = granted(verified, asked=asked, resource=self._issuer.audience)
        # (4) once
        until = verified.expires_at + self._leeway
        try:
            self._seen.add(f"{verified.alias}|{asked.client_id}", jti=grant.token_id, url="", until=until, now=now)
        except TokenError as error:
            raise _refusal(error) from error
        # (5) the token, which ends with the assertion's subject in it and our times
        claims = {**grant.claims, "sub": verified.subject, PROVIDER_CLAIM: verified.alias}
        token_id = uuid7(unix_ms=int(now * 1000), randomness=self._random(10))
        token = self._issuer.issue(claims, now=now, token_id=token_id)
        if len(token.text) > MAX_TOKEN_BYTES:
            raise bad_grant("the assertion says more than a token can carry")
        return TokenAnswer(token, grant.scope), verified.alias, verified.subject


def _refusal(error: TokenError) -> GrantError:
    if error.code in {ReasonCode.ISSUER_UNAVAILABLE, ReasonCode.LIMIT_EXCEEDED}:
        return GrantError(GrantErrorCode.TEMPORARILY_UNAVAILABLE, _LATER, detail=error.detail)
    return bad_grant(error.detail)
