"""Forgeries that choose an algorithm or a key of their own."""

import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.tokens.minting import EC_KEY, ED_KEY, RSA_KEY, public_jwk, segment
from tests.unit.tokens.signed.forging import STRANGER, Forgery, Scene, signing_input

_P384 = ec.generate_private_key(ec.SECP384R1())


def forged_algorithms(scene: Scene) -> Iterator[Forgery]:
    """Algorithm confusion (RFC 8725, section 2.1)."""
    for name in ("none", "None", "NONE", "nOnE", "none ", ""):
        text = signing_input(scene.header(alg=name), scene.claims())
        yield Forgery(f"algorithm `{name}` without a signature", f"{text}.")
        yield Forgery(f"algorithm `{name}` with a signature", f"{text}.{segment(b'x')}")
    for label, value in (("null", None), ("a number", 256), ("a list", ["ES256"]), ("an object", {}), ("absent", ...)):
        yield Forgery(f"algorithm is {label}", scene.with_header(alg=value))
    for name in ("es256", "ES256 ", "ES256\0", "ES256K", "RS1", "dir", "A128KW", "EdDSA", "ES384", "PS256"):
        yield Forgery(f"ES256 signature called `{name!r}`", scene.with_header(alg=name))
    for algorithm, secret in _public_secrets():
        yield Forgery(f"HMAC with {algorithm}", scene.mac("HS256", secret, kid="rsa" if "RSA" in algorithm else "k1"))
    pem = _pem(RSA_KEY)
    for name in ("HS384", "HS512"):
        yield Forgery(f"{name} with the RSA key", scene.mac(name, pem, kid="rsa"))
    yield Forgery("PS256 where only RS256 is pinned", _signed(scene, RSA_KEY, "PS256", kid="rsa"))
    yield Forgery("RS512 where only RS256 is pinned", _signed(scene, RSA_KEY, "RS512", kid="rsa"))
    yield Forgery("ES384 of a stranger", _signed(scene, _P384, "ES384"))
    yield Forgery("RS256 that names the EC key", _signed(scene, RSA_KEY, "RS256", kid="k1"))
    yield Forgery("EdDSA that names the EC key", _signed(scene, ED_KEY, "EdDSA", kid="k1"))
    yield Forgery("ES256 that names the RSA key", _signed(scene, EC_KEY, "ES256", kid="rsa"))


def forged_keys(scene: Scene) -> Iterator[Forgery]:
    """Headers that bring, name or smuggle a key (RFC 8725, section 3.10)."""
    own = public_jwk(STRANGER, kid="k1")
    evil = "https://evil.example.com/keys"
    brought: dict[str, dict[str, Any]] = {
        "a key of its own": {"jwk": own},
        "a key of its own and no name": {"jwk": own, "kid": ...},
        "the URL of its keys": {"jku": evil},
        "the URL of its certificate": {"x5u": evil},
        "its certificate": {"x5c": ["MIIB"]},
        "no key at all, but the member": {"jwk": None},
    }
    for label, members in brought.items():
        yield Forgery(f"stranger brings {label}", _signed(scene, STRANGER, "ES256", **members))
    yield Forgery("the genuine key embedded", scene.with_header(jwk=public_jwk(EC_KEY)))
    for label, critical in (("a claim", ["exp"]), ("nothing", []), ("b64", ["b64"]), ("what nobody knows", ["x"])):
        yield Forgery(f"critical: {label}", scene.with_header(crit=critical, x=1))
    for value in (True, False):
        yield Forgery(f"b64 is {value}", scene.with_header(b64=value))
    yield Forgery("stranger under the name of the key", _signed(scene, STRANGER, "ES256"))
    yield Forgery("stranger without a name", _signed(scene, STRANGER, "ES256", kid=...))
    names: dict[str, Any] = {
        "a path": "../../../../dev/null",
        "a URL": evil,
        "SQL": "k1' UNION SELECT 'x' --",
        "a shell command": "k1|/bin/true",
        "LDAP": "k1)(uid=*",
        "a NUL": "k1\0",
        "a line feed": "k1\nrsa",
        "an invisible character": "k1\u200b",
        "another case": "K1",
        "spaces": " k1 ",
        "null": None,
        "a number": 1,
        "a list": ["k1"],
        "an object": {"kid": "k1"},
        "empty": "",
        "a prototype": "__proto__",
        "513 characters": "k" * 513,
        "10,000 characters": "k" * 10_000,
        "another key's": "ed",
    }
    for label, name in names.items():
        yield Forgery(f"key name is {label}", scene.with_header(kid=name))


def _signed(scene: Scene, key: Any, algorithm: str, **header: Any) -> str:
    return scene.token(scene.header(alg=algorithm, **header), scene.claims(), key=key, algorithm=algorithm)


def _pem(key: Any) -> bytes:
    encoded: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _public_secrets() -> Iterator[tuple[str, bytes]]:
    public = RSA_KEY.public_key()
    numbers = public.public_numbers()
    yield "the RSA key as PEM", _pem(RSA_KEY)
    yield "the RSA key as PEM without its last line feed", _pem(RSA_KEY).strip()
    yield "the RSA key as DER", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "the RSA key as PKCS 1", public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    yield "the RSA modulus", numbers.n.to_bytes(256, "big")
    yield "the RSA key as JWK", json.dumps(public_jwk(RSA_KEY)).encode()
    yield "the EC key as PEM", _pem(EC_KEY)
    yield "the EC point", EC_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    yield "the Ed25519 key", ED_KEY.public_key().public_bytes_raw()
    yield "no secret", b""
    yield "the key's name", b"k1"
