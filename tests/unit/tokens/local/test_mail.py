"""Mail through a real server of the test's own, with TLS where it must be."""

import datetime as dt
import ssl
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pdp.core.settings.local_identity import MailSecurity
from pdp.tokens.local.accounts.account import CodePurpose
from pdp.tokens.local.accounts.mail import Mailer, MailError, MailServer, letter
from tests.mail_sink import Sink, listening
from tests.unit.tokens.minting import Events

TO = "alice@example.com"
SENDER = "Toolgate <toolgate@example.com>"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=365 * 50))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "mail.pem"
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


def mail(code: str = "abcd-efgh") -> Any:
    return letter(code, to=TO, purpose=CodePurpose.INVITATION, place="https://g.example.com", hours=72, sender=SENDER)


def send(
    sink: Sink, security: MailSecurity, *, events: Events | None = None, host: str = "localhost", **more: Any
) -> None:
    server = MailServer(host, sink.port, security, SENDER, 5.0, **more)
    Mailer(server, log=(Events() if events is None else events).log()).send(mail())


def test_a_mail_goes_out_over_starttls_with_a_login(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with listening(tls[0], require_starttls=True) as sink:
        send(sink, MailSecurity.STARTTLS, trust=tls[1], user="toolgate", password="mail secret")
    assert sink.logins == [(b"toolgate", b"mail secret")]
    ((to, content, is_protected),) = sink.taken
    assert (to, is_protected) == ([TO], True)
    message = message_from_bytes(content)
    assert (message["To"], message["From"], message["Subject"]) == (
        TO,
        SENDER,
        "You are invited to https://g.example.com",
    )
    text = message.get_payload()
    assert isinstance(text, str)
    assert "abcd-efgh" in text
    assert "72 hours" in text


def test_a_server_without_starttls_gets_no_mail_and_no_password() -> None:
    with listening(None, auth_require_tls=False) as sink, pytest.raises(MailError):
        send(sink, MailSecurity.STARTTLS, user="toolgate", password="mail secret")
    assert (sink.taken, sink.logins) == ([], [])


def test_a_server_that_nobody_vouches_for_gets_no_mail(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with listening(tls[0], require_starttls=True) as sink:
        with pytest.raises(MailError):
            send(sink, MailSecurity.STARTTLS)
        with pytest.raises(MailError):
            send(sink, MailSecurity.STARTTLS, trust=tls[1], host="127.0.0.1")
    assert sink.taken == []


def test_a_plain_way_is_logged_on_each_use() -> None:
    events = Events()
    with listening(None) as sink:
        send(sink, MailSecurity.UNSAFE_PLAIN, events=events)
        send(sink, MailSecurity.UNSAFE_PLAIN, events=events)
    assert (len(sink.taken), len(events.named("unsafe_plain_mail"))) == (2, 2)


def test_a_wrong_password_or_no_server_is_an_error_that_names_nobody(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with listening(tls[0], require_starttls=True) as sink, pytest.raises(MailError) as refused:
        send(sink, MailSecurity.STARTTLS, trust=tls[1], user="toolgate", password="wrong")
    with pytest.raises(MailError) as unreachable:
        send(sink, MailSecurity.TLS, trust=tls[1])
    assert sink.taken == []
    for caught in (refused, unreachable):
        assert TO not in str(caught.value)


@pytest.mark.parametrize("to", ["a@example.com\r\nBcc: eve@example.com", "a@example.com\nX: y"])
def test_an_address_cannot_add_headers(to: str) -> None:
    with pytest.raises(ValueError, match=r"header|linefeed|newline"):
        letter("c", to=to, purpose=CodePurpose.RESET, place="https://g", hours=1, sender=SENDER)
