import base64
import datetime as dt
import hashlib
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from enforcers.gateway.header import Headers
from enforcers.gateway.transports.client_certificate import CertificateHeader
from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.gateway import CertificateForm
from pdp.hosting.networks import Networks

PROXIES = Networks.of(["10.0.0.0/8"])
WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def certificate() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, WHEN, WHEN + dt.timedelta(days=1))
    return builder.sign(key, SHA256())


CERTIFICATE = certificate()
DER = CERTIFICATE.public_bytes(Encoding.DER)
PEM = CERTIFICATE.public_bytes(Encoding.PEM).decode()
THUMBPRINT = base64.urlsafe_b64encode(hashlib.sha256(DER).digest()).rstrip(b"=").decode()
HEX = hashlib.sha256(DER).hexdigest()
BASE64 = base64.b64encode(DER).decode()


def thumbprint(form: CertificateForm, *values: str, peer: str = "10.0.0.5") -> str | None:
    header = CertificateHeader("X-Client", form, PROXIES)
    return header.thumbprint(Headers((b"x-client", value.encode("latin-1")) for value in values), peer=peer)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (CertificateForm.RFC9440, f":{BASE64}:"),
        (CertificateForm.PEM_ESCAPED, quote(PEM, safe="")),
        (CertificateForm.PEM_ESCAPED, quote(PEM.replace("\n", "\r\n"))),
        (CertificateForm.XFCC_HASH, f"Hash={HEX}"),
        (CertificateForm.XFCC_HASH, f"hash={HEX.upper()}"),
        (
            CertificateForm.XFCC_HASH,
            f'By=spiffe://mesh/gate;By=spiffe://mesh/b;Hash={HEX};Subject="CN=a\\",Hash=1;O=x, y";URI=spiffe://mesh/c?a=b',
        ),
    ],
    ids=["rfc9440", "pem", "pem-crlf", "xfcc", "xfcc-upper-case", "xfcc-among-others"],  # not by values, which differ
)
def test_every_form_gives_the_thumbprint_of_rfc_8705(form: CertificateForm, value: str) -> None:
    assert thumbprint(form, value) == THUMBPRINT


@pytest.mark.parametrize("form", list(CertificateForm))
def test_without_a_certificate_there_is_none(form: CertificateForm) -> None:
    assert thumbprint(form) is None
    assert thumbprint(form, "") is None


@pytest.mark.parametrize("peer", ["203.0.113.5", "::1", "11.0.0.1"])
def test_who_is_not_listed_cannot_name_one(peer: str) -> None:
    with pytest.raises(TokenError) as caught:
        thumbprint(CertificateForm.XFCC_HASH, f"Hash={HEX}", peer=peer)
    assert caught.value.code is ReasonCode.PROOF_INVALID


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (CertificateForm.RFC9440, [BASE64]),
        (CertificateForm.RFC9440, ["::"]),
        (CertificateForm.RFC9440, [f":{BASE64[:-8]}:"]),
        (CertificateForm.RFC9440, [f":{BASE64}:, :{BASE64}:"]),
        (CertificateForm.RFC9440, [f":{base64.b64encode(DER + b'x').decode()}:"]),
        (CertificateForm.RFC9440, [f":{base64.b64encode(b'no certificate').decode()}:"]),
        (CertificateForm.RFC9440, [f":{BASE64[:40]} {BASE64[40:]}:"]),
        (CertificateForm.RFC9440, [f":{BASE64}:", f":{BASE64}:"]),
        (CertificateForm.RFC9440, ["", f":{BASE64}:"]),
        (CertificateForm.RFC9440, [f":{BASE64}:;a=1"]),
        (CertificateForm.PEM_ESCAPED, [PEM.replace("\n", " ")]),
        (CertificateForm.PEM_ESCAPED, [quote(PEM + PEM)]),
        (CertificateForm.PEM_ESCAPED, [quote("x" + PEM)]),
        (CertificateForm.PEM_ESCAPED, [quote(PEM.replace("CERTIFICATE", "PRIVATE KEY"))]),
        (CertificateForm.PEM_ESCAPED, ["%ff"]),
        (CertificateForm.PEM_ESCAPED, [quote(quote(PEM))]),
        (CertificateForm.XFCC_HASH, [HEX]),
        (CertificateForm.XFCC_HASH, [f"Hash={HEX}, Hash={HEX}"]),
        (CertificateForm.XFCC_HASH, [f"Hash={HEX};Hash={HEX}"]),
        (CertificateForm.XFCC_HASH, [f"Hash={HEX[:-1]}"]),
        (CertificateForm.XFCC_HASH, ["Hash="]),
        (CertificateForm.XFCC_HASH, ["By=x"]),
        (CertificateForm.XFCC_HASH, [f'Subject="x;Hash={HEX}']),
        (CertificateForm.XFCC_HASH, [f'Subject="x";Hash={HEX}', ""]),
        (CertificateForm.XFCC_HASH, [","]),
    ],
)
def test_what_cannot_be_read_is_no_proof(form: CertificateForm, values: list[str]) -> None:
    with pytest.raises(TokenError) as caught:
        thumbprint(form, *values)
    assert caught.value.code is ReasonCode.PROOF_INVALID
    assert HEX not in caught.value.detail
