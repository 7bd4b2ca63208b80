"""Proofs for tests: good ones, and ones with something wrong."""

import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pdp.core.identity.claims import Confirmation, CredentialKind, VerifiedClaims
from pdp.tokens.presented import Presented, Scheme
from pdp.tokens.proof.dpop import ProofChecker
from pdp.tokens.proof.nonce import Nonces
from pdp.tokens.proof.replay import SeenProofs
from tests.unit.tokens.minting import ISSUER, NOW, public_jwk, segment, sign_text

URL = "https://gateway.example.com/mcp"
TOKEN = "opaque-token"
CERTIFICATE = segment(hashlib.sha256(b"certificate").digest())
HOLDER = ec.generate_private_key(ec.SECP256R1())
MAX_AGE = 60
LEEWAY = 5


def thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638, written once more: sorted names, no spaces."""
    covered = {name: jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in jwk}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"))
    return segment(hashlib.sha256(text.encode()).digest())


HOLDER_THUMBPRINT = thumbprint(public_jwk(HOLDER))


def token_hash(token: str) -> str:
    return segment(hashlib.sha256(token.encode()).digest())


def proof_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good proof; a change to None takes the claim out."""
    good = {"jti": "jti-1", "htm": "POST", "htu": URL, "iat": int(NOW), "ath": token_hash(TOKEN)}
    return {name: value for name, value in (good | changes).items() if value is not None}


def proof(payload: dict[str, Any] | None = None, *, key: Any = HOLDER, algorithm: str = "ES256", **header: Any) -> str:
    """A proof that is signed with `algorithm`, whatever its header says; a header member None is left out."""
    head = {"typ": "dpop+jwt", "alg": algorithm, "jwk": public_jwk(key)} | header
    head = {name: value for name, value in head.items() if value is not None}
    claims = proof_claims() if payload is None else payload
    return proof_of(json.dumps(head).encode(), json.dumps(claims).encode(), key=key, algorithm=algorithm)


def proof_of(header: bytes, payload: bytes, *, key: Any = HOLDER, algorithm: str = "ES256") -> str:
    """A signed proof of exactly these bytes."""
    return sign_text(f"{segment(header)}.{segment(payload)}", key=key, algorithm=algorithm)


def presented(text: str | None, *, token: str = TOKEN, scheme: Scheme = Scheme.DPOP, **seen: Any) -> Presented:
    return Presented(scheme, token, **{"proof": text, "method": "POST", "url": URL} | seen)


def checker(*, entries: int = 4096, nonces: Nonces | None = None) -> ProofChecker:
    return ProofChecker(SeenProofs(entries=entries), max_age=MAX_AGE, leeway=LEEWAY, nonces=nonces)


def verified(confirmation: Confirmation, *, alias: str = "corp") -> VerifiedClaims:
    return VerifiedClaims(alias, ISSUER, "alice", NOW + 300, {}, CredentialKind.SIGNED, confirmation)
