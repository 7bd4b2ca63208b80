"""Ed25519 keys: what bundles, statements of freshness and lists of keys are signed with (RFC 8032)."""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pdp.core.contract.errors import UnusableError
from pdp.core.contract.weak_key import is_weak

SEED_BYTES: Final = 32


class PublicKey:
    """A key that signatures are checked with; `id` is `sha256:` and the digest of its DER."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.id: str = "sha256:" + hashlib.sha256(der).hexdigest()

    @classmethod
    def from_pem(cls, pem: bytes) -> "PublicKey":
        """The key in `pem` (SubjectPublicKeyInfo), which holds nothing else.

        Raises:
            UnusableError: it holds no Ed25519 key, or one of low order, or more than one key.

        """
        try:
            key = load_pem_public_key(_alone(pem))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableError("this is no public key in PEM") from error
        if not isinstance(key, Ed25519PublicKey):
            raise UnusableError("this is no public Ed25519 key")
        if is_weak(key.public_bytes_raw()):
            raise UnusableError("this key has a low order, so anybody could sign for it")
        return cls(key)

    def to_pem(self) -> bytes:
        """Its PEM."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's, of `message`."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class KeyPair:
    """A key that signs."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def from_seed(cls, seed: bytes) -> "KeyPair":
        """The key of 32 random bytes."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def from_pem(cls, pem: bytes) -> "KeyPair":
        """The key in `pem` (PKCS 8, not encrypted) and nothing else, as `openssl genpkey -algorithm ed25519` makes it.

        Raises:
            UnusableError: it holds no such key, or more than one.

        """
        try:
            key = load_pem_private_key(_alone(pem), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnusableError("this is no private key in PEM without a password") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise UnusableError("this is no private Ed25519 key")
        return cls(key)

    def to_pem(self) -> bytes:
        """Its PEM, a secret."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`."""
        return self._key.sign(message)


def _alone(pem: bytes) -> bytes:
    """`pem`, where it is one block: of several, a reader takes the first, and who wrote them meant all."""
    text = pem.strip()
    if text.count(b"-----BEGIN ") != 1 or not (text.startswith(b"-----BEGIN ") and text.endswith(b"-----")):
        raise ValueError("not one block of PEM")
    return pem
