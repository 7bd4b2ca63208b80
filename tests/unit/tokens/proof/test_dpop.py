import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.presented import Presented
from pdp.tokens.proof.dpop import ProofChecker
from pdp.tokens.proof.nonce import Nonces
from pdp.tokens.proof.proof_key import PROOF_ALGORITHMS, read_proof_key
from tests.unit.tokens.minting import ED_KEY, NOW, RSA_KEY, public_jwk, segment
from tests.unit.tokens.proof.hostile_proofs import HOSTILE, P384, PUBLIC, WEAK_RSA
from tests.unit.tokens.proof.proving import (
    HOLDER_THUMBPRINT,
    LEEWAY,
    MAX_AGE,
    TOKEN,
    URL,
    checker,
    presented,
    proof,
    proof_claims,
    thumbprint,
    token_hash,
)

KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ED_KEY,
    "PS256": RSA_KEY,
    "RS256": RSA_KEY,
}


def refusal(checks: ProofChecker, shown: Presented, *, key: str = HOLDER_THUMBPRINT, now: float = NOW) -> TokenError:
    with pytest.raises(TokenError) as caught:
        checks.check(shown, key=key, now=now)
    return caught.value


def test_a_good_proof_is_accepted_once() -> None:
    checks = checker()
    checks.check(presented(proof()), key=HOLDER_THUMBPRINT, now=NOW)
    again = refusal(checks, presented(proof()), now=NOW + 1)
    assert (again.code, again.detail) == (ReasonCode.PROOF_INVALID, "the proof was used before")


@pytest.mark.parametrize("algorithm", PROOF_ALGORITHMS)
def test_each_algorithm_of_the_list_proves(algorithm: str) -> None:
    key = KEYS[algorithm]
    text = proof(key=key, algorithm=algorithm)
    checker().check(presented(text), key=thumbprint(public_jwk(key)), now=NOW)


def test_the_thumbprint_is_that_of_the_rfcs_example() -> None:
    # RFC 7638 section 3.1
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM"
        "QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJz"
        "KnqDKgw"
    )
    found = read_proof_key({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011"}, algorithm="RS256")
    assert found.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_proof_is_refused_and_uses_nothing_up(name: str) -> None:
    checks = checker()
    assert refusal(checks, presented(HOSTILE[name])).code is ReasonCode.PROOF_INVALID
    checks.check(presented(proof()), key=HOLDER_THUMBPRINT, now=NOW)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_refusal_tells_nothing_of_what_was_presented(name: str) -> None:
    refused = refusal(checker(), presented(HOSTILE[name]))
    told = f"{refused.detail} {refused.caller_text}"
    assert [part for part in (TOKEN, token_hash(TOKEN), "jti-1", HOLDER_THUMBPRINT) if part in told] == []


def test_a_proof_with_any_one_character_changed_is_refused() -> None:
    checks, good = checker(), proof()
    for position, character in enumerate(good):
        for other in {"A", "_", ".", " "} - {character}:
            text = good[:position] + other + good[position + 1 :]
            assert refusal(checks, presented(text)).code is ReasonCode.PROOF_INVALID
    checks.check(presented(good), key=HOLDER_THUMBPRINT, now=NOW)


def test_no_proof_is_no_proof() -> None:
    assert refusal(checker(), presented(None)).code is ReasonCode.PROOF_INVALID


def with_exponent(key: rsa.RSAPrivateKey, exponent: int) -> rsa.RSAPrivateKey:
    numbers = key.private_numbers()
    p, q = numbers.p, numbers.q
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), numbers.iqmp, public).private_key()


COSTLY_RSA = with_exponent(RSA_KEY, 2**521 - 1)
LOW_ORDER = {"kty": "OKP", "crv": "Ed25519", "x": segment(bytes(32))}


def signed_by_nobody() -> str:
    """A proof whose signature matches a key of order 4, made without any private key."""
    key, signature = Ed25519PublicKey.from_public_bytes(bytes(32)), b"\x01" + bytes(63)
    for number in range(1000):
        head = json.dumps({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": LOW_ORDER}).encode()
        text = f"{segment(head)}.{segment(json.dumps(proof_claims(jti=str(number))).encode())}"
        try:
            key.verify(signature, text.encode())
        except InvalidSignature:
            continue
        return f"{text}.{segment(signature)}"
    raise AssertionError("no message fits")


UNUSABLE = {
    "a weak RSA key": (proof(key=WEAK_RSA, algorithm="RS256"), public_jwk(WEAK_RSA)),
    "a costly RSA key": (
        proof(jwk={"kty": "RSA", "n": "_" * 700, "e": "AQAB"}, alg="RS256"),
        {"kty": "RSA", "n": "_" * 700, "e": "AQAB"},
    ),
    "a costly exponent": (proof(key=COSTLY_RSA, algorithm="RS256"), public_jwk(COSTLY_RSA)),
    "a key of another curve": (proof(key=P384, algorithm="ES384", alg="ES256"), public_jwk(P384)),
    "a point off the curve": (
        proof(jwk=PUBLIC | {"x": PUBLIC["y"], "y": PUBLIC["x"]}),
        PUBLIC | {"x": PUBLIC["y"], "y": PUBLIC["x"]},
    ),
    "a short point": (proof(jwk=PUBLIC | {"x": "AAAA"}), PUBLIC | {"x": "AAAA"}),
    "a short Ed25519 key": (
        proof(jwk={"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, key=ED_KEY, algorithm="EdDSA"),
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
    ),
    "a key with which anybody can sign": (signed_by_nobody(), LOW_ORDER),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_token_bound_to_an_unusable_key_proves_nothing(name: str) -> None:
    text, jwk = UNUSABLE[name]
    refused = refusal(checker(), presented(text), key=thumbprint(jwk))
    assert (refused.code, refused.detail != "the proof is by another key than the token's") == (
        ReasonCode.PROOF_INVALID,
        True,
    )


@pytest.mark.parametrize("seen", [{"url": ""}, {"method": ""}, {"url": "not a url"}])
def test_where_the_host_names_no_request_nothing_is_proven(seen: dict[str, Any]) -> None:
    text = proof(proof_claims(htm=seen.get("method", "POST"), htu=seen.get("url", URL)))
    assert refusal(checker(), presented(text, **seen)).code is ReasonCode.PROOF_INVALID


@pytest.mark.parametrize(
    "htu",
    [
        "HTTPS://gateway.example.com/mcp",
        "https://GATEWAY.example.COM/mcp",
        "https://gateway.example.com:443/mcp",
        "https://gateway.example.com:/mcp",
        "https://gateway.example.com/%6Dcp",
        "https://gateway.example.com/mcp?query=1",
        "https://gateway.example.com/mcp#fragment",
    ],
)
def test_equal_urls_are_the_same_request(htu: str) -> None:
    checks = checker()
    checks.check(presented(proof(proof_claims(htu=htu))), key=HOLDER_THUMBPRINT, now=NOW)
    # and one identifier is one, however the URL beside it is written
    assert refusal(checks, presented(proof())).detail == "the proof was used before"


@pytest.mark.parametrize("age", [-LEEWAY, 0, 0.5, MAX_AGE])
def test_the_window_of_time_includes_its_ends(age: float) -> None:
    checker().check(presented(proof(proof_claims(iat=NOW - age))), key=HOLDER_THUMBPRINT, now=NOW)


def test_a_proof_of_the_same_identifier_by_another_key_is_another() -> None:
    checks = checker()
    checks.check(presented(proof()), key=HOLDER_THUMBPRINT, now=NOW)
    other = KEYS["ES256"]
    checks.check(presented(proof(key=other)), key=thumbprint(public_jwk(other)), now=NOW)


@pytest.mark.parametrize("iat", [NOW - MAX_AGE + 1, NOW, NOW + LEEWAY])
def test_a_proof_is_never_accepted_twice_at_any_time(iat: float) -> None:
    checks = checker()
    text = proof(proof_claims(iat=iat))
    checks.check(presented(text), key=HOLDER_THUMBPRINT, now=NOW)
    for tenth in range(-100, 1000):
        assert refusal(checks, presented(text), now=NOW + tenth / 10).code is ReasonCode.PROOF_INVALID


def test_a_clock_that_is_set_back_brings_no_used_proof_back() -> None:
    checks = checker()
    checks.check(presented(proof()), key=HOLDER_THUMBPRINT, now=NOW)
    later = NOW + 10 * MAX_AGE
    checks.check(presented(proof(proof_claims(iat=later, jti="later"))), key=HOLDER_THUMBPRINT, now=later)
    assert refusal(checks, presented(proof()), now=NOW).code is ReasonCode.PROOF_INVALID


def test_a_missing_nonce_is_told_and_the_next_proof_with_it_is_accepted() -> None:
    checks = checker(nonces=Nonces(bytes(32), lifetime=300, leeway=LEEWAY))
    refused = refusal(checks, presented(proof()))
    assert refused.code is ReasonCode.PROOF_INVALID
    assert refused.nonce is not None
    checks.check(presented(proof(proof_claims(nonce=refused.nonce))), key=HOLDER_THUMBPRINT, now=NOW)


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"no jti", "empty jti", "jti is a number", "huge jti"}))
def test_a_nonce_is_told_for_no_other_fault(name: str) -> None:
    checks = checker(nonces=Nonces(bytes(32), lifetime=300, leeway=LEEWAY))
    assert refusal(checks, presented(HOSTILE[name])).nonce is None
