"""The certificate that a client showed to the proxy that ended its TLS, in the forms that proxies name it."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from cryptography import x509

from enforcers.gateway.header import Headers
from pdp.core.contract import base64url
from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.gateway import CertificateForm
from pdp.hosting.networks import Networks, peer_address
from pdp.hosting.parameter_list import loose_elements

_BYTE_SEQUENCE: Final = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END CERTIFICATE-----\s*", re.ASCII
)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class CertificateHeader:
    """The header `name`, believed of `proxies` alone; from anybody else it is refused, not overlooked."""

    name: str
    form: CertificateForm
    proxies: Networks

    def thumbprint(self, headers: Headers, *, peer: str) -> str | None:
        """The SHA-256 of the certificate, base64url (RFC 8705, section 3.1), None where the client showed none.

        Raises:
            TokenError: `proof_invalid`: the header is malformed, comes twice, or from somebody who is not listed.

        """
        values = headers.all(self.name)
        if values in ([], [""]):
            return None
        if len(values) > 1 or peer_address(peer) not in self.proxies:
            raise TokenError(ReasonCode.PROOF_INVALID, f"`{self.name}` comes twice, or from no listed proxy")
        try:
            digest = _READERS[self.form](values[0])
        except ValueError as error:
            raise TokenError(ReasonCode.PROOF_INVALID, f"`{self.name}` cannot be read") from error
        return base64url.encode(digest)


def _rfc9440(value: str) -> bytes:
    """From a certificate as a byte sequence (RFC 9440, section 2.1)."""
    return _of_certificate(_matched(_BYTE_SEQUENCE, value))


def _pem_escaped(value: str) -> bytes:
    return _of_certificate("".join(_matched(_PEM, unquote(value, errors="strict")).split()))


def _xfcc_hash(value: str) -> bytes:
    """From the one `Hash` of the one element: more elements are other proxies' clients."""
    (element,) = loose_elements(value)
    (found,) = (text for name, text in element if name == "hash")
    if not _SHA256.fullmatch(found):
        raise ValueError("no SHA-256")
    return bytes.fromhex(found)


def _matched(pattern: re.Pattern[str], value: str) -> str:
    match = pattern.fullmatch(value)
    if match is None:
        raise ValueError("malformed")
    return match[1]


def _of_certificate(encoded: str) -> bytes:
    raw = base64.b64decode(encoded, validate=True)
    x509.load_der_x509_certificate(raw)
    return hashlib.sha256(raw).digest()


_READERS: Final[Mapping[CertificateForm, Callable[[str], bytes]]] = {
    CertificateForm.RFC9440: _rfc9440,
    CertificateForm.PEM_ESCAPED: _pem_escaped,
    CertificateForm.XFCC_HASH: _xfcc_hash,
}
