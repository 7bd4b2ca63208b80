"""Signed documents: DSSE envelopes (Dead Simple Signing Envelope 1.0), whose signatures cover the type too."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from pdp.core.bundle.key import KeyPair, PublicKey
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode

MAX_SIGNATURES: Final = 16


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature, base64; `keyid` says which key to check it with and nothing else, empty: any."""

    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A payload, base64, its type, and who signed both."""

    payloadType: str  # noqa: N815 - as DSSE writes it
    payload: str
    signatures: tuple[Signature, ...] = ()

    def unverified(self, payload_type: str) -> bytes:
        """The payload, whoever signed it.

        Raises:
            BundleError: `bundle_untrusted`, it is of another type or no base64.

        """
        if self.payloadType != payload_type:
            raise _untrusted(f"this is no `{payload_type}`")
        return _decoded(self.payload)

    def signers(self, keys: Mapping[str, PublicKey]) -> frozenset[str]:
        """The ids of those of `keys` (by id) that have signed.

        Raises:
            BundleError: `bundle_untrusted`, it is not as an envelope must be.

        """
        if len(self.signatures) > MAX_SIGNATURES:
            raise _untrusted(f"an envelope has at most {MAX_SIGNATURES} signatures")
        message = signed_bytes(self.payloadType, _decoded(self.payload))
        signatures = [(one.keyid, _decoded(one.sig)) for one in self.signatures]
        return frozenset(
            name
            for name, key in keys.items()
            if any(hint in {name, ""} and key.has_signed(message, signature) for hint, signature in signatures)
        )


def sealed(payload_type: str, payload: bytes, *, keys: Iterable[KeyPair] = ()) -> Envelope:
    """An envelope with `payload`, signed by all of `keys`."""
    message = signed_bytes(payload_type, payload)
    signatures = tuple(Signature(_encoded(key.sign(message)), key.public.id) for key in keys)
    return Envelope(payload_type, _encoded(payload), signatures)


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """What a signature is of: DSSE's pre-authentication encoding, in which no two pairs are the same."""
    kind = payload_type.encode("utf-8")
    return b" ".join((b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload))


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _decoded(text: str) -> bytes:
    """The bytes of `text` in one of base64's two alphabets, as the protocol has it."""
    is_url = "-" in text or "_" in text
    try:
        if is_url and ("+" in text or "/" in text):
            raise ValueError("both alphabets at once")
        return base64.b64decode(text, b"-_" if is_url else None, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _untrusted("an envelope's payload and signatures are base64") from error


def _untrusted(detail: str) -> BundleError:
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, detail)
