"""Addresses and certificates of clients as a real proxy tells them."""

import base64
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import Require
from tests.flow.identity.haproxy import INSTALL, passing, program, running, terminating
from tests.flow.identity.scene import STATUS, ask_by, free_port, scene, verdict
from tests.flow.product import Product
from tests.unit.tokens.minting import EC_KEY, ISSUER, claims, key_set, public_jwk, segment, signed

pytestmark = pytest.mark.timeout(240)

CLIENT = "127.0.0.5"


class Authority:
    """Signs the certificates of a test, each a PEM file with its key, for the address 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of a test")])
        self.path = self._write("authority", self._key, self._certificate(self._name, self._key, ca=True))

    def issue(self, name: str) -> tuple[Path, str]:
        """A certificate for `name`, and its thumbprint."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, ca=False)
        return self._write(name, key, certificate), segment(certificate.fingerprint(hashes.SHA256()))

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - the proxy lives by the wall clock
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Path:
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        path = self._folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(pem) + private)
        return path


class Behind:
    """A gateway behind the proxy: `url` is the proxy's, `made` the gateway's product."""

    def __init__(self, made: Product, *, url: str, authority: Authority) -> None:
        self.made = made
        self.url = url
        self.authority = authority

    def token(self, **changes: Any) -> str:
        now = int(time.time())  # noqa: TID251 - the gateway lives by the wall clock
        return signed(claims(aud=self.url, iat=now, exp=now + 300, groups=["eng"], scope="git:read", **changes))

    def ask(
        self, token: str, *, certificate: Path | None = None, url: str = "", sent: Mapping[str, str] | None = None
    ) -> str:
        """What becomes of a call from `CLIENT`."""
        context = ssl.create_default_context(cafile=self.authority.path)
        if certificate is not None:
            context.load_cert_chain(certificate)
        with httpx.Client(transport=httpx.HTTPTransport(verify=context, local_address=CLIENT), timeout=30) as client:
            return verdict(ask_by(client, url or self.url, token, STATUS, **(sent or {})))

    def newest_address(self) -> object:
        return self.made.records()[-1]["client_ip"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory, require: Require) -> Authority:
    require(program(), reason=f"no HAProxy here: {INSTALL}")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def terminated(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder, port = tmp_path_factory.mktemp("terminated"), free_port()
    server, _ = authority.issue("server")
    with scene(folder) as made:
        behind = configured(
            made,
            authority,
            url=f"https://localhost:{port}/mcp",
            client_address="x-forwarded-for",
            client_certificate={"header": "client-cert", "form": "rfc9440"},
        )
        config = terminating(folder, port=port, gateway=port_of(made), certificate=server, authority=authority.path)
        made.gateway()
        with running(config):
            yield behind


def configured(made: Product, authority: Authority, *, url: str, **gateway: Any) -> Behind:
    keys = made.folder / "issuer.json"
    keys.write_bytes(key_set(public_jwk(EC_KEY, kid="k1", alg="ES256")))
    issuer = {"alias": "corp", "issuer": ISSUER, "audience": url, "jwks": str(keys), "algorithms": ["ES256"]}
    made.settings["identity"] = {"issuers": [issuer]}
    made.settings["gateway"] |= {"resource": url, "trusted_proxies": ["127.0.0.1/32"], **gateway}
    made.configure()
    return Behind(made, url=url, authority=authority)


def port_of(made: Product) -> int:
    return int(made.settings["gateway"]["listen"].rpartition(":")[2])


def test_a_bound_token_is_good_with_its_certificate_alone(terminated: Behind) -> None:
    own, thumbprint = terminated.authority.issue("client")
    other, _ = terminated.authority.issue("other")
    token = terminated.token(cnf={"x5t#S256": thumbprint})
    assert terminated.ask(token, certificate=own) == "allowed"
    assert terminated.newest_address() == CLIENT
    assert terminated.ask(token, certificate=other) == "401 proof_invalid"
    assert terminated.ask(token) == "401 proof_invalid"


def test_what_a_client_says_of_itself_is_not_believed(terminated: Behind) -> None:
    own, thumbprint = terminated.authority.issue("spoofed")
    der = x509.load_pem_x509_certificate(own.read_bytes()).public_bytes(serialization.Encoding.DER)
    header = f":{base64.b64encode(der).decode()}:"
    token = terminated.token(cnf={"x5t#S256": thumbprint})
    assert terminated.ask(token, sent={"Client-Cert": header}) == "401 proof_invalid"
    assert terminated.ask(terminated.token(), sent={"X-Forwarded-For": "198.51.100.7"}) == "allowed"
    assert terminated.newest_address() == CLIENT
    around = f"http://127.0.0.1:{port_of(terminated.made)}/mcp"
    assert terminated.ask(token, url=around, sent={"Client-Cert": header}) == "401 proof_invalid"


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2"])
def test_the_proxy_protocol_tells_the_clients_address(option: str, authority: Authority, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://localhost:{port}/mcp"
    with scene(tmp_path) as made:
        behind = configured(made, authority, url=url, client_address="proxy-protocol", ip_allow=[f"{CLIENT}/32"])
        with running(passing(tmp_path, port=port, gateway=port_of(made), option=option)):
            made.start("gateway", ready=url.removesuffix("/mcp") + "/readyz")
            assert behind.ask(behind.token()) == "allowed"
            assert behind.newest_address() == CLIENT
            with httpx.Client(timeout=30) as stranger:
                answer = ask_by(stranger, url, behind.token(), STATUS)
            assert (verdict(answer), behind.newest_address()) == ("403 address_refused", "127.0.0.1")
