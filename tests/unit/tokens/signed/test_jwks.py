import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm

from pdp.tokens.signed.jwks import ALGORITHMS, KeysUnavailableError, matching, read_key_set
from tests.unit.tokens.minting import EC_KEY, ED_KEY, RSA_KEY, key_set, public_jwk

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
