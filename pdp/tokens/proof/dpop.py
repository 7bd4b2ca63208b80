"""DPoP: a proof that who presents a token has the key it is bound to (RFC 9449)."""

import hashlib
import hmac
from typing import Any, Final

from pdp.core.contract import base64url
from pdp.tokens.presented import Presented
from pdp.tokens.proof.nonce import Nonces
from pdp.tokens.proof.proof_text import UnverifiedProof, read_proof
from pdp.tokens.proof.refusal import unproven
from pdp.tokens.proof.replay import SeenProofs
from pdp.tokens.proof.target import target

MAX_JTI: Final = 256


class ProofChecker:
    """Checks proofs; one is good for `max_age` seconds from its `iat`, `leeway` is seconds it may lie ahead.

    With `nonces` each proof must carry one of these.
    """

    def __init__(self, seen: SeenProofs, *, max_age: float, leeway: float, nonces: Nonces | None = None) -> None:
        self._seen = seen
        self._max_age = max_age
        self._leeway = leeway
        self._nonces = nonces

    def check(self, presented: Presented, *, key: str, now: float) -> None:
        """Return when `presented` has a proof for its token and request by the key with thumbprint `key`.

        The steps are those of section 4.3. `now` is Unix seconds.

        Raises:
            TokenError: `proof_invalid`, with a nonce where one is missing; `limit_exceeded` when no further
                proof can be remembered.

        """
        # (1) the form, the type and the algorithm
        if presented.proof is None:
            raise unproven("no proof")
        proof = read_proof(presented.proof)
        # (2) the key: the one that the token is bound to
        if not _equal(proof.key.thumbprint, key):
            raise unproven("the proof is by another key than the token's")
        # (3) the signature: from here on the claims are the holder's
        proof.key.check_signature(proof.text)
        # (4) the request
        url = _check_request(proof, presented)
        # (5) the token
        if not _equal(proof.claims.get("ath"), _token_hash(presented.value)):
            raise unproven("the proof's `ath` is not that of the token")
        # (6) the time
        issued_at = self._check_time(proof.claims.get("iat"), now)
        # (7) the nonce
        if self._nonces is not None:
            self._nonces.check(proof.claims.get("nonce"), now=now)
        # (8) never before
        self._seen.add(key, jti=_jti(proof), url=url, until=issued_at + self._max_age, now=now)

    def _check_time(self, issued_at: Any, now: float) -> float:
        if isinstance(issued_at, bool) or not isinstance(issued_at, int | float):
            raise unproven("the proof's `iat` is missing or no number")
        if issued_at > now + self._leeway:
            raise unproven("the proof's `iat` is in the future")
        if now - issued_at > self._max_age:
            raise unproven("the proof's `iat` is too long ago")
        return float(issued_at)


def _check_request(proof: UnverifiedProof, presented: Presented) -> str:
    if not presented.method or proof.claims.get("htm") != presented.method:
        raise unproven("the proof's `htm` is not the method of the request")
    url, claimed = target(presented.url), proof.claims.get("htu")
    if url is None or not isinstance(claimed, str) or target(claimed) != url:
        raise unproven("the proof's `htu` is not the URL of the request")
    return url


def _jti(proof: UnverifiedProof) -> str:
    jti = proof.claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise unproven("the proof's `jti` is missing or not of a usable length")
    return jti


def _token_hash(token: str) -> str:
    return base64url.encode(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())


def _equal(found: Any, expected: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(
        found.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
