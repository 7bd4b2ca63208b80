"""Envelopes: a signature is of a payload and its type, by a key that was asked about, and counts once."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.bundle.envelope import MAX_SIGNATURES, Envelope, sealed, signed_bytes
from pdp.core.bundle.key import KeyPair
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from tests.signed_bundles import key, key_id

TYPE = "application/vnd.example+json"
KEYS = {key_id(name): key(name).public for name in ("one", "two")}
# RFC 8032, section 7.1, test 1.
RFC = KeyPair.from_seed(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))


def sealed_by(*names: str, payload: bytes = b'{"a":1}', kind: str = TYPE) -> Envelope:
    return sealed(kind, payload, keys=[key(name) for name in names])


def changed(envelope: Envelope, at: int = 0, **fields: str) -> Envelope:
    signatures = list(envelope.signatures)
    signatures[at] = msgspec.structs.replace(signatures[at], **fields)
    return msgspec.structs.replace(envelope, signatures=tuple(signatures))


def refuse(envelope: Envelope) -> None:
    with pytest.raises(BundleError) as refused:
        envelope.signers(KEYS)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED


def test_what_is_signed_is_what_the_protocol_says() -> None:
    # DSSE 1.0, protocol.md, "Test Vectors".
    message = signed_bytes("http://example.com/HelloWorld", b"hello world")
    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    envelope = sealed("http://example.com/HelloWorld", b"hello world", keys=[RFC])
    assert envelope.payload == "aGVsbG8gd29ybGQ="
    assert RFC.public.has_signed(message, base64.b64decode(envelope.signatures[0].sig))


def test_lengths_are_of_bytes_and_nothing_is_something() -> None:
    assert signed_bytes("exämple", b"") == "DSSEv1 8 exämple 0 ".encode()
    assert signed_bytes("", b"") == b"DSSEv1 0  0 "


@given(
    one=st.tuples(st.text(max_size=6), st.binary(max_size=6)),
    other=st.tuples(st.text(max_size=6), st.binary(max_size=6)),
)
def test_no_two_pairs_are_signed_alike(one: tuple[str, bytes], other: tuple[str, bytes]) -> None:
    assert (signed_bytes(*one) == signed_bytes(*other)) == (one == other)


def test_those_who_signed_are_told() -> None:
    assert sealed_by("one", "two").signers(KEYS) == set(KEYS)
    assert sealed_by("two", "stranger").signers(KEYS) == {key_id("two")}
    assert sealed_by().signers(KEYS) == frozenset()
    assert sealed_by("one").signers({}) == frozenset()
    assert sealed_by("one", payload=b"").signers(KEYS) == {key_id("one")}


def test_a_signature_over_another_type_or_payload_is_none() -> None:
    envelope = sealed_by("one")
    assert msgspec.structs.replace(envelope, payloadType="text/plain").signers(KEYS) == frozenset()
    other = sealed_by(payload=b'{"a":2}')
    assert msgspec.structs.replace(envelope, payload=other.payload).signers(KEYS) == frozenset()
    assert msgspec.structs.replace(envelope, payload="").signers(KEYS) == frozenset()


def test_a_payload_of_another_type_is_not_read() -> None:
    with pytest.raises(BundleError):
        sealed_by("one").unverified("application/vnd.other+json")
    assert sealed_by("one").unverified(TYPE) == b'{"a":1}'


def test_one_key_counts_once_however_often_it_signs() -> None:
    assert sealed_by("one", "one", "one").signers(KEYS) == {key_id("one")}
    # Under the other's id it does not count at all.
    assert changed(sealed_by("one", "one"), 1, keyid=key_id("two")).signers(KEYS) == {key_id("one")}


def test_a_key_id_says_only_which_key_to_try() -> None:
    assert changed(sealed_by("stranger"), keyid=key_id("one")).signers(KEYS) == frozenset()
    assert changed(sealed_by("one"), keyid=key_id("two")).signers(KEYS) == frozenset()
    assert changed(sealed_by("one"), keyid=key_id("one").upper()).signers(KEYS) == frozenset()


def test_too_many_signatures_are_not_tried() -> None:
    signature = sealed_by("one").signatures[0]
    many = msgspec.structs.replace(sealed_by("one"), signatures=(signature,) * MAX_SIGNATURES)
    assert many.signers(KEYS) == {key_id("one")}
    refuse(msgspec.structs.replace(many, signatures=(signature,) * (MAX_SIGNATURES + 1)))


def test_a_cut_or_lengthened_signature_is_none() -> None:
    raw = base64.b64decode(sealed_by("one").signatures[0].sig)
    for wrong in (b"", raw[:-1], raw + b"\0", raw[1:]):
        assert changed(sealed_by("one"), sig=base64.b64encode(wrong).decode()).signers(KEYS) == frozenset()


@pytest.mark.parametrize(
    "text",
    ["QQ", "QQ=", "QQ===", "=QQ=", "QQ==\n", " QQ==", "Q Q==", "QQ==QQ==", "Q*==", "\u00ff\u00ff", "QQ\u0000=", "-+8="],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    refuse(msgspec.structs.replace(sealed_by("one"), payload=text))
    refuse(changed(sealed_by("one"), sig=text))
    with pytest.raises(BundleError):
        msgspec.structs.replace(sealed_by("one"), payload=text).unverified(TYPE)


def test_both_alphabets_of_base64_are_read() -> None:
    # DSSE 1.0: "verifiers MUST accept either".
    envelope = sealed_by("one", payload=b"\xfb\xff\xbf>??")
    assert "/" in envelope.payload
    assert "+" in envelope.payload
    to_url = str.maketrans("+/", "-_")
    url = msgspec.structs.replace(envelope, payload=envelope.payload.translate(to_url))
    url = changed(url, sig=envelope.signatures[0].sig.translate(to_url))
    assert url.signers(KEYS) == {key_id("one")}
    assert url.unverified(TYPE) == envelope.unverified(TYPE)


def test_a_signature_without_a_key_id_is_tried_with_each_key() -> None:
    # DSSE 1.0: KEYID is optional.
    envelope = msgspec.json.decode(
        msgspec.json.encode(
            {
                "payloadType": TYPE,
                "payload": sealed_by().payload,
                "signatures": [{"sig": one.sig} for one in sealed_by("one", "two", "two", "stranger").signatures],
            }
        ),
        type=Envelope,
    )
    assert envelope.signers(KEYS) == set(KEYS)


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_of_a_payload_is_noticed(at: int, bit: int) -> None:
    envelope = sealed_by("one")
    raw = bytearray(base64.b64decode(envelope.payload))
    raw[at % len(raw)] ^= 1 << bit
    flipped = msgspec.structs.replace(envelope, payload=base64.b64encode(raw).decode())
    assert flipped.signers(KEYS) == frozenset()
