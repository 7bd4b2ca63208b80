"""Proofs that prove nothing: each by name, with the text of the header `DPoP`."""

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm

from tests.unit.tokens.minting import EC_KEY, ED_KEY, ISSUER, NOW, RSA_KEY, public_jwk, segment
from tests.unit.tokens.proof.proving import HOLDER, LEEWAY, MAX_AGE, URL, proof, proof_claims, proof_of, token_hash

PUBLIC = public_jwk(HOLDER)
PRIVATE: dict[str, Any] = ECAlgorithm.to_jwk(HOLDER, as_dict=True)
HEAD = {"typ": "dpop+jwt", "alg": "ES256", "jwk": PUBLIC}
P384 = ec.generate_private_key(ec.SECP384R1())
WEAK_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def unsigned(algorithm: str) -> str:
    return f"{segment(text(HEAD | {'alg': algorithm}))}.{segment(text(proof_claims()))}."


def symmetric(algorithm: str) -> str:
    return jwt.encode(proof_claims(), "s" * 64, algorithm=algorithm, headers={"typ": "dpop+jwt", "jwk": PUBLIC})


def repeated(claim: str, value: Any) -> bytes:
    return text(proof_claims())[:-1] + f', "{claim}": {json.dumps(value)}}}'.encode()


def changed(position: int) -> str:
    good = proof()
    other = "A" if good[position] != "A" else "B"
    return good[:position] + other + good[position:][1:]


def swapped_payload() -> str:
    head, _, signature = proof().split(".")
    return f"{head}.{segment(text(proof_claims(jti='another')))}.{signature}"


def spliced_jwk() -> str:
    """The holder's key in the header, over a signature by another."""
    return proof(key=EC_KEY, jwk=PUBLIC)


def with_trailing_bits(text: str) -> str:
    """The same bytes, spelled otherwise: 64 bytes leave four bits of the last character unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def der_signed() -> str:
    signing_input = proof().rpartition(".")[0]
    return f"{signing_input}.{segment(HOLDER.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))}"


HOSTILE: dict[str, str] = {
    # no proof at all
    "empty": "",
    "no jwt": "proof",
    "two segments": ".".join(proof().split(".")[:2]),
    "four segments": proof() + ".AAAA",
    "two proofs": f"{proof()}, {proof()}",
    "two proofs, no space": f"{proof()},{proof()}",
    "space before": " " + proof(),
    "space after": proof() + " ",
    "line end after": proof() + "\n",
    "scheme before": "DPoP " + proof(),
    "padded": proof() + "==",
    "json serialisation": json.dumps({"payload": segment(text(proof_claims())), "signatures": []}),
    "huge": proof(proof_claims(filler="x" * 10_000)),
    "huge as a whole": proof(proof_claims(filler="x" * 6_000)),
    "not ascii": proof() + "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "lone surrogate": proof() + "\udcff",
    "header is a list": proof_of(b"[]", text(proof_claims())),
    "header is no json": proof_of(b"{", text(proof_claims())),
    "payload is a list": proof_of(text(HEAD), b"[]"),
    "payload is no json": proof_of(text(HEAD), b"\xff"),
    "payload nests": proof_of(text(HEAD), b'{"a":' * 20 + b"1" + b"}" * 20),
    # type and algorithm
    "no typ": proof(typ=None),
    "typ of a token": proof(typ="at+jwt"),
    "typ JWT": proof(typ="JWT"),
    "typ in capitals": proof(typ="DPoP+JWT"),
    "typ is a list": proof(typ=["dpop+jwt"]),
    "no alg": proof_of(text({"typ": "dpop+jwt", "jwk": PUBLIC}), text(proof_claims())),
    "alg none": unsigned("none"),
    "alg nOnE": unsigned("nOnE"),
    "alg none, signed": proof(alg="none"),
    "HS256": symmetric("HS256"),
    "HS512": symmetric("HS512"),
    "HS256, signed ES256": proof(alg="HS256"),
    "alg not in the list": proof(alg="ES256K"),
    "alg of another key type": proof(alg="RS256"),
    "alg of another curve": proof(alg="ES384"),
    "alg is a list": proof(alg=["ES256"]),
    "alg in the key differs": proof(jwk=PUBLIC | {"alg": "ES384"}),
    # header members
    "crit": proof(crit=["htm"]),
    "b64": proof(b64=False),
    "x5c beside the key": proof(x5c=["MIIB"]),
    "x5u": proof(x5u="https://evil.example.com/"),
    "x5t": proof(x5t="AAAA"),
    "jku": proof(jku="https://evil.example.com/"),
    "zip": proof(zip="DEF"),
    "header repeats alg": proof_of(text(HEAD)[:-1] + b', "alg": "ES256"}', text(proof_claims())),
    "header repeats jwk": proof_of(text(HEAD)[:-1] + b', "jwk": {}}', text(proof_claims())),
    # the key
    "no jwk": proof(jwk=None),
    "jwk is a text": proof(jwk="holder"),
    "jwk is a list": proof(jwk=[PUBLIC]),
    "jwk is empty": proof(jwk={}),
    "kid in place of jwk": proof(jwk=None, kid="holder"),
    "private jwk": proof(jwk=PRIVATE),
    "private member is null": proof(jwk=PUBLIC | {"d": None}),
    "symmetric jwk": proof(jwk={"kty": "oct", "k": "AAAA"}),
    "symmetric member": proof(jwk=PUBLIC | {"k": "AAAA"}),
    "certificate chain in the key": proof(jwk=PUBLIC | {"x5c": ["MIIB"]}),
    "key for encryption": proof(jwk=PUBLIC | {"use": "enc"}),
    "key for signing": proof(jwk=PUBLIC | {"key_ops": ["sign"]}),
    "key without y": proof(jwk={name: PUBLIC[name] for name in ("kty", "crv", "x")}),
    "coordinate is a number": proof(jwk=PUBLIC | {"x": 1}),
    "coordinate is not base64url": proof(jwk=PUBLIC | {"x": "+/=="}),
    "point is off the curve": proof(jwk=PUBLIC | {"x": PUBLIC["y"], "y": PUBLIC["x"]}),
    "curve in lower case": proof(jwk=PUBLIC | {"crv": "p-256"}),
    "another key": proof(key=EC_KEY),
    "another key of another curve": proof(key=P384, algorithm="ES384"),
    "another key, Ed25519": proof(key=ED_KEY, algorithm="EdDSA"),
    "another key, RSA": proof(key=RSA_KEY, algorithm="RS256"),
    "weak RSA": proof(key=WEAK_RSA, algorithm="RS256"),
    "the holder's key over another's signature": spliced_jwk(),
    "another's key over the holder's signature": proof(jwk=public_jwk(EC_KEY)),
    # the signature
    "signature changed": changed(-5),
    "signature of zeros": ".".join([*proof().split(".")[:2], segment(bytes(64))]),
    "signature with bits beyond its end": with_trailing_bits(proof()),
    "signature cut": proof()[:-4],
    "signature of another payload": swapped_payload(),
    "DER signature": der_signed(),
    # the request
    "another method": proof(proof_claims(htm="GET")),
    "method in lower case": proof(proof_claims(htm="post")),
    "no method": proof(proof_claims(htm=None)),
    "methods": proof(proof_claims(htm=["POST"])),
    "no url": proof(proof_claims(htu=None)),
    "urls": proof(proof_claims(htu=[URL])),
    "another path": proof(proof_claims(htu=URL + "/other")),
    "path with a slash": proof(proof_claims(htu=URL + "/")),
    "path in capitals": proof(proof_claims(htu=URL.replace("/mcp", "/MCP"))),
    "another host": proof(proof_claims(htu="https://evil.example.com/mcp")),
    "host with a dot": proof(proof_claims(htu="https://gateway.example.com./mcp")),
    "host as user": proof(proof_claims(htu="https://gateway.example.com@evil.example.com/mcp")),
    "user": proof(proof_claims(htu="https://user@gateway.example.com/mcp")),
    "another scheme": proof(proof_claims(htu=URL.replace("https", "http"))),
    "another port": proof(proof_claims(htu="https://gateway.example.com:8443/mcp")),
    "the other scheme's port": proof(proof_claims(htu="https://gateway.example.com:80/mcp")),
    "dot segments": proof(proof_claims(htu="https://gateway.example.com/x/../mcp")),
    "backslash": proof(proof_claims(htu="https://gateway.example.com\\mcp")),
    "relative url": proof(proof_claims(htu="/mcp")),
    "url with a line end": proof(proof_claims(htu=URL + "\n")),
    "url with a space": proof(proof_claims(htu=" " + URL)),
    "confusable host": proof(proof_claims(htu="https://g\N{CYRILLIC SMALL LETTER A}teway.example.com/mcp")),
    # the token
    "no ath": proof(proof_claims(ath=None)),
    "another token": proof(proof_claims(ath=token_hash("another"))),
    "ath padded": proof(proof_claims(ath=token_hash("opaque-token") + "=")),
    "ath is the token": proof(proof_claims(ath="opaque-token")),
    "ath is a list": proof(proof_claims(ath=[token_hash("opaque-token")])),
    "ath is not ascii": proof(proof_claims(ath="\N{LATIN SMALL LETTER E WITH ACUTE}")),
    # the time
    "no iat": proof(proof_claims(iat=None)),
    "iat as text": proof(proof_claims(iat=str(int(NOW)))),
    "iat is true": proof(proof_claims(iat=True)),
    "future iat": proof(proof_claims(iat=int(NOW) + LEEWAY + 1)),
    "far future iat": proof(proof_claims(iat=2**63)),
    "old iat": proof(proof_claims(iat=int(NOW) - MAX_AGE - 1)),
    "negative iat": proof(proof_claims(iat=-1)),
    "iat is not a number": proof_of(text(HEAD), text(proof_claims(iat=float("nan")))),
    "iat is infinite": proof_of(text(HEAD), text(proof_claims(iat=float("inf")))),
    # the identifier
    "no jti": proof(proof_claims(jti=None)),
    "empty jti": proof(proof_claims(jti="")),
    "jti is a number": proof(proof_claims(jti=1)),
    "huge jti": proof(proof_claims(jti="j" * 257)),
    # members twice
    "claim htm twice": proof_of(text(HEAD), repeated("htm", "POST")),
    "claim jti twice": proof_of(text(HEAD), repeated("jti", "jti-2")),
    "claim ath twice": proof_of(text(HEAD), repeated("ath", token_hash("another"))),
    # an access token, and another kind of proof, in the place of one
    "an access token": proof({"iss": ISSUER, "sub": "alice", "exp": int(NOW) + 300}, typ="at+jwt"),
}
