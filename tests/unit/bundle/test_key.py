"""Keys: Ed25519 alone, in PEM, one in a file, and none that anybody could sign for."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pdp.core.bundle.key import KeyPair, PublicKey
from pdp.core.contract.errors import UnusableError
from tests.signed_bundles import key

PAIR = key("some")
PEM = PAIR.public.to_pem()
OTHERS = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ec.generate_private_key(ec.SECP256R1()),
    ed448.Ed448PrivateKey.generate(),
    x25519.X25519PrivateKey.generate(),
)
# SubjectPublicKeyInfo up to the 32 bytes of the key (RFC 8410, section 4).
PREFIX = bytes.fromhex("302a300506032b6570032100")
P = 2**255 - 19
ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


def pem(der: bytes, label: str = "PUBLIC KEY") -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n".encode()


def raw_pem(raw: bytes) -> bytes:
    return pem(PREFIX + raw)


def refused(content: bytes) -> str:
    with pytest.raises(UnusableError) as error:
        PublicKey.from_pem(content)
    return str(error.value)


def test_a_key_is_the_same_in_its_pem() -> None:
    assert PublicKey.from_pem(PEM).id == PAIR.public.id
    assert PublicKey.from_pem(PEM.replace(b"\n", b"\r\n")).id == PAIR.public.id
    again = KeyPair.from_pem(PAIR.to_pem())
    assert again.public.id == PAIR.public.id
    assert PAIR.public.has_signed(b"message", again.sign(b"message"))


def test_the_signatures_are_those_of_rfc_8032() -> None:
    # Section 7.1, test 2.
    pair = KeyPair.from_seed(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    raw = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    assert pair.public.id == PublicKey.from_pem(raw_pem(raw)).id
    assert pair.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


@pytest.mark.parametrize("other", OTHERS, ids=lambda one: type(one).__name__)
def test_keys_of_other_kinds_are_refused(other: "rsa.RSAPrivateKey") -> None:
    assert "Ed25519" in refused(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UnusableError, match="Ed25519"):
        KeyPair.from_pem(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize(
    "oid",
    ["06032b6599", "06092b2403030208010107", "06096086480165030403 11".replace(" ", ""), "06072a8648ce3d0201"],
    ids=["unknown", "brainpool", "ml-dsa", "ec without a curve"],
)
def test_a_kind_that_nobody_here_knows_is_refused(oid: str) -> None:
    kind = bytes.fromhex(oid)
    inner = bytes([0x30, len(kind)]) + kind + bytes.fromhex("032100") + bytes(32)
    refused(pem(bytes([0x30, len(inner)]) + inner))


def test_an_elliptic_key_on_an_unknown_curve_is_refused() -> None:
    algorithm = bytes.fromhex("06072a8648ce3d0201" + "06032b6599")
    inner = bytes([0x30, len(algorithm)]) + algorithm + bytes.fromhex("032200") + b"\x04" + bytes(32)
    refused(pem(bytes([0x30, len(inner)]) + inner))


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        (1).to_bytes(32, "little"),
        (P - 1).to_bytes(32, "little"),
        P.to_bytes(32, "little"),
        (P + 1).to_bytes(32, "little"),
        ORDER_8,
        ORDER_8[:31] + bytes([ORDER_8[31] | 0x80]),
        b"\xff" * 32,
    ],
    ids=lambda raw: raw.hex()[:8],
)
def test_a_key_that_anybody_can_sign_for_is_refused(raw: bytes) -> None:
    refused(raw_pem(raw))


def test_an_encrypted_key_is_refused_without_asking() -> None:
    encrypted = PAIR._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    with pytest.raises(UnusableError, match="without a password"):
        KeyPair.from_pem(encrypted)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"\xff\xfe",
        PEM[:-20],
        PEM[: len(PEM) // 2],
        PEM.replace(b"PUBLIC", b"PRIVATE"),
        PAIR.to_pem(),
        pem(PREFIX + bytes(31)),
        raw_pem(bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c") + b"x"),
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGkX some",
    ],
    ids=range(10),
)
def test_what_is_no_public_key_is_refused(content: bytes) -> None:
    refused(content)


def test_a_public_key_signs_nothing() -> None:
    with pytest.raises(UnusableError):
        KeyPair.from_pem(PEM)


def test_a_file_with_more_than_the_key_is_refused_since_which_was_meant() -> None:
    refused(PEM + key("other").public.to_pem())
    refused(PEM + PEM)
    refused(PEM + b"and more")
    refused(b"a note\n" + PEM)
    with pytest.raises(UnusableError):
        KeyPair.from_pem(PAIR.to_pem() + key("other").to_pem())


def test_another_signature_message_or_length_is_not_its() -> None:
    signature = PAIR.sign(b"message")
    assert not PAIR.public.has_signed(b"Message", signature)
    assert not key("other").public.has_signed(b"message", signature)
    for wrong in (b"", signature[:-1], signature + b"\0", bytes(64), b"\xff" * 64, signature[32:] + signature[:32]):
        assert not PAIR.public.has_signed(b"message", wrong)


def test_a_signature_has_one_spelling() -> None:
    # RFC 8032, section 5.1.7: S + L would satisfy the equation too.
    signature = PAIR.sign(b"message")
    order = 2**252 + 27742317777372353535851937790883648493
    other = int.from_bytes(signature[32:], "little") + order
    assert not PAIR.public.has_signed(b"message", signature[:32] + other.to_bytes(32, "little"))
