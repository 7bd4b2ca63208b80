"""What forged tokens are made of: a scene that believes three keys, and ways to sign whatever is wanted."""

import hmac
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from pdp.core.contract.reason_code import ReasonCode
from tests.unit.tokens.minting import AUDIENCE, EC_KEY, ED_KEY, ISSUER, NOW, RSA_KEY, key_set, public_jwk, segment
from tests.unit.tokens.minting import sign_text as sign

STRANGER = ec.generate_private_key(ec.SECP256R1())
"""A key that nobody believes."""
TRUSTED_KEYS: Final = key_set(
    public_jwk(EC_KEY, kid="k1"),
    public_jwk(RSA_KEY, kid="rsa", alg="RS256", use="sig"),
    public_jwk(ED_KEY, kid="ed", alg="EdDSA"),
)
"""The key set of the issuer whose tokens are forged."""
TRUSTED_ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")

_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


@dataclass(frozen=True)
class Forgery:
    """A token that must not be believed, and the code with which it is refused."""

    name: str
    token: str
    code: ReasonCode = ReasonCode.TOKEN_INVALID


@dataclass(frozen=True)
class Scene:
    """Who is deceived: a verifier that believes `issuer` for `audience` at Unix time `now`, with `TRUSTED_KEYS`."""

    now: float = NOW
    issuer: str = ISSUER
    audience: str = AUDIENCE

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to `...` takes the claim out."""
        now = int(self.now)
        good = {"iss": self.issuer, "aud": self.audience, "sub": "alice", "iat": now, "exp": now + 300}
        return {name: value for name, value in (good | changes).items() if value is not ...}

    def header(self, **changes: Any) -> dict[str, Any]:
        """The header of a good token, signed with `EC_KEY`; a change to `...` takes the member out."""
        good = {"alg": "ES256", "typ": "at+jwt", "kid": "k1"}
        return {name: value for name, value in (good | changes).items() if value is not ...}

    def with_claims(self, **changes: Any) -> str:
        """A token with changed claims and a genuine signature."""
        return self.token(self.header(), self.claims(**changes))

    def with_header(self, **changes: Any) -> str:
        """A token with a changed header and a genuine ES256 signature over it."""
        return self.token(self.header(**changes), self.claims())

    def token(self, header: dict[str, Any] | bytes, claims: Any, *, key: Any = EC_KEY, algorithm: str = "ES256") -> str:
        """`header` and `claims`, as JSON or as they are, with a signature of `key`."""
        return sign(signing_input(header, claims), key=key, algorithm=algorithm)

    def good(self) -> str:
        """A token that is believed."""
        return self.with_claims()

    def mac(self, algorithm: str, secret: bytes, **header: Any) -> str:
        """A token with a message authentication code in place of the signature."""
        text = signing_input(self.header(alg=algorithm, **header), self.claims())
        return f"{text}.{segment(hmac.digest(secret, text.encode(), _HASHES[algorithm]))}"


def signing_input(header: Any, claims: Any) -> str:
    """The first two segments."""
    return f"{segment(as_bytes(header))}.{segment(as_bytes(claims))}"


def as_bytes(value: Any) -> bytes:
    """`value` as JSON, and bytes as they are."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()
