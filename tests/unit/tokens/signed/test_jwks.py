import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from pdp.tokens.signed.jwks import ALGORITHMS, KeysUnavailableError, matching, read_key_set
from tests.unit.tokens.minting import EC_KEY, ED_KEY, RSA_KEY, key_set, public_jwk, segment

GOOD = public_jwk(EC_KEY, kid="good")


def test_only_asymmetric_algorithms_exist() -> None:
    assert not {name for name in ALGORITHMS if name.startswith("HS") or name.lower() == "none"}


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (RSA_KEY, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (EC_KEY, {"ES256"}),
        (ED_KEY, {"EdDSA"}),
        (ec.generate_private_key(ec.SECP384R1()), {"ES384"}),
        (ec.generate_private_key(ec.SECP521R1()), {"ES512"}),
    ],
)
def test_a_key_verifies_the_algorithms_of_its_kind(key: Any, algorithms: set[str]) -> None:
    (read,) = read_key_set(key_set(public_jwk(key)))
    assert read.key_id is None
    assert read.algorithms == algorithms


def test_a_key_that_names_its_algorithm_verifies_no_other() -> None:
    (read,) = read_key_set(key_set(public_jwk(RSA_KEY, alg="PS256")))
    assert read.algorithms == {"PS256"}


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "good"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA"},
        {"kty": ["EC"]},
        {"kty": "future"},
        {},
        public_jwk(EC_KEY, use="enc"),
        public_jwk(EC_KEY, key_ops=["sign"]),
        public_jwk(EC_KEY, key_ops="verify"),
        public_jwk(EC_KEY, alg="RS256"),
        public_jwk(EC_KEY, alg="HS256"),
        public_jwk(EC_KEY, alg=["ES256"]),
        public_jwk(EC_KEY, kid=7),
        public_jwk(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    ],
)
def test_keys_that_cannot_verify_are_passed_over(odd: dict[str, Any]) -> None:
    assert [key.key_id for key in read_key_set(key_set(odd, GOOD))] == ["good"]
    with pytest.raises(KeysUnavailableError, match="no key that can verify"):
        read_key_set(key_set(odd))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b'{"keys":[],"keys":[]}',
        b'{"keys":[]}',
        json.dumps({"keys": [GOOD] * 101}).encode(),
        b'{"keys":[' + b"[" * 5000,
    ],
)
def test_what_is_no_key_set_is_refused(raw: bytes) -> None:
    with pytest.raises(KeysUnavailableError):
        read_key_set(raw)


def test_a_published_private_key_is_refused_loudly() -> None:
    private = ECAlgorithm.to_jwk(EC_KEY, as_dict=True)
    with pytest.raises(KeysUnavailableError, match="private key"):
        read_key_set(key_set(GOOD, private))


def test_matching_is_by_name_and_algorithm() -> None:
    keys = read_key_set(key_set(GOOD, public_jwk(RSA_KEY, kid="good"), public_jwk(ED_KEY, kid="other")))
    assert [key.algorithms for key in matching(keys, key_id="good", algorithm="ES256")] == [{"ES256"}]
    assert matching(keys, key_id="other", algorithm="ES256") == ()
    assert matching(keys, key_id="GOOD", algorithm="ES256") == ()
    assert matching(keys, key_id="good", algorithm="HS256") == ()


def ed25519(encoded: bytes) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": segment(encoded), "kid": "weak"}


def low_order_encodings() -> list[bytes]:
    """The points of Ed25519 whose order divides 8, found on the curve, and what else decodes to them."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    root = pow(2, (p - 1) // 4, p)  # of -1

    def roots(square: int) -> set[int]:
        candidate = pow(square, (p + 3) // 8, p)
        return {y for guess in (candidate, candidate * root) for y in (guess % p, -guess % p) if y * y % p == square}

    eighths = {y for sign in roots((1 + d) % p) for y in roots((sign - 1) * pow(d, -1, p) % p)}
    assert len(eighths) == 2
    ys = {0, 1, p - 1, p, p + 1} | eighths
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in (0, 1)]


@pytest.mark.parametrize("encoded", low_order_encodings())
def test_keys_with_which_anybody_can_sign_are_passed_over(encoded: bytes) -> None:
    assert [key.key_id for key in read_key_set(key_set(ed25519(encoded), GOOD))] == ["good"]


def test_a_signature_of_nobody_matches_a_key_of_low_order() -> None:
    identity = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"whatever is claimed")


def test_rsa_keys_are_bounded_above_too() -> None:
    numbers = rsa.RSAPublicNumbers(65537, (1 << 8192) + 1)
    large = RSAAlgorithm.to_jwk(numbers.public_key(), as_dict=True) | {"kid": "large"}
    assert [key.key_id for key in read_key_set(key_set(large, GOOD))] == ["good"]
