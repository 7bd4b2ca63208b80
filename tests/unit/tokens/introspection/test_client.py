import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from pdp.core.contract.errors import UnusableError
from pdp.core.settings.introspection import IntrospectionSettings
from pdp.tokens.introspection.client import ASSERTION_SECONDS, SecretBasic, Shown, client_authentication
from tests.unit.tokens.fetch.serving import fixed
from tests.unit.tokens.introspection.endpoint import CLIENT, SECRET, IssuerEndpoint, active, asking, credentials
from tests.unit.tokens.minting import EC_KEY, ED_KEY, ISSUER, NOW, RSA_KEY


def shown(base: Path, **settings: Any) -> Shown:
    model = IntrospectionSettings.model_validate({"client_id": CLIENT, **settings})
    return client_authentication(model, audience=ISSUER, base=base, randomness=bytes).show(now=NOW)


def secret_file(base: Path, content: bytes, *, mode: int = 0o600) -> str:
    path = base / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path.name


def pem(key: Any) -> bytes:
    plain = serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))


def test_id_and_secret_are_encoded_before_they_are_joined() -> None:
    # RFC 6749 section 2.3.1: a colon in the id is not the one between id and secret
    header = SecretBasic("a:b", SECRET).show(now=NOW).headers["authorization"]
    assert credentials(f"\r\nauthorization: {header}") == ("a:b", SECRET)


def test_a_secret_comes_from_the_settings_or_from_a_file(tmp_path: Path) -> None:
    expected = SecretBasic(CLIENT, SECRET).show(now=NOW)
    assert shown(tmp_path, client_secret=SECRET) == expected
    assert shown(tmp_path, client_secret_file=secret_file(tmp_path, f"{SECRET}\n".encode())) == expected


@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES256"), (ED_KEY, "EdDSA"), (RSA_KEY, "PS256")])
def test_a_private_key_signs_who_asks_for_the_issuer_alone(tmp_path: Path, key: Any, algorithm: str) -> None:
    found = shown(tmp_path, client_key=secret_file(tmp_path, pem(key)))
    statement = found.form["client_assertion"]
    assert (found.headers, found.form["client_id"]) == ({}, CLIENT)
    assert found.form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    payload = jwt.PyJWS().decode(statement, key.public_key(), algorithms=[algorithm])
    assert json.loads(payload) == {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": ISSUER,
        "jti": "00" * 16,
        "iat": int(NOW),
        "exp": int(NOW) + ASSERTION_SECONDS,
    }


async def test_the_issuer_gets_the_signed_statement_with_the_question(tmp_path: Path) -> None:
    model = IntrospectionSettings(client_id=CLIENT, client_key=Path(secret_file(tmp_path, pem(ED_KEY))))
    client = client_authentication(model, audience=ISSUER, base=tmp_path, randomness=bytes)
    endpoint = IssuerEndpoint()
    endpoint.instead = fixed(json.dumps(active()).encode())
    async with asking(endpoint, client=client) as asked:
        assert (await asked.verify("good", now=NOW)).subject == "alice"
    head, _, body = endpoint.requests[0].partition("\r\n\r\n")
    assert "authorization" not in head.lower()
    assert f"client_assertion={client.show(now=NOW).form['client_assertion']}" in body


def test_what_shows_who_asks_is_in_no_representation(tmp_path: Path) -> None:
    for found in (
        shown(tmp_path, client_secret=SECRET),
        shown(tmp_path, client_key=secret_file(tmp_path, pem(EC_KEY))),
    ):
        assert repr(found) == "Shown()"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnusableError):
        shown(tmp_path, client_secret_file=secret_file(tmp_path, content))


UNUSABLE = {
    "no key": b"secret",
    "a public key": EC_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ),
    "another curve": pem(ec.generate_private_key(ec.SECP384R1())),
    "another kind": pem(ed448.Ed448PrivateKey.generate()),
    "a weak key": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_without_a_usable_key_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableError):
        shown(tmp_path, client_key=secret_file(tmp_path, UNUSABLE[name]))


@pytest.mark.parametrize("setting", ["client_secret_file", "client_key"])
def test_a_secret_that_others_can_read_or_that_is_missing_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(UnusableError, match="is missing"):
        shown(tmp_path, **{setting: "missing"})
    with pytest.raises(UnusableError, match="others can read"):
        shown(tmp_path, **{setting: secret_file(tmp_path, pem(EC_KEY), mode=0o644)})


@pytest.mark.parametrize(
    "ways", [{}, {"client_secret": "s", "client_secret_file": "f"}, {"client_secret": "s", "client_key": "k"}]
)
def test_there_is_exactly_one_way_to_show_who_asks(ways: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="name one of"):
        IntrospectionSettings.model_validate({"client_id": CLIENT, **ways})
