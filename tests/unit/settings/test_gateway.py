import pytest

from pdp.core.contract.errors import ConfigurationError
from pdp.core.settings.gateway import AddressSource, CertificateForm, GatewaySettings
from pdp.core.settings.load import load

PROXIED = "trusted_proxies: [10.0.0.0/8, '2001:db8::/32', 192.0.2.1]"


def gateway(*lines: str) -> GatewaySettings:
    text = "version: 1\ngateway:\n" + "".join(f"  {line}\n" for line in lines or ("name: g",))
    return load(text, file="toolgate.yaml", environ={}).settings.gateway


def test_without_settings_nobody_is_believed_about_addresses_and_nobody_is_kept_out() -> None:
    found = gateway()
    assert (found.client_address, found.trusted_proxies) == (AddressSource.PEER, [])
    assert (found.client_certificate, found.ip_allow) == (None, None)


def test_proxies_are_believed_as_configured() -> None:
    certificate = "client_certificate: {header: Client-Cert, form: rfc9440}"
    found = gateway(PROXIED, "client_address: x-forwarded-for", certificate, "ip_allow: [203.0.113.0/24, '::/0']")
    assert found.client_address is AddressSource.X_FORWARDED_FOR
    assert found.trusted_proxies == ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]
    assert found.ip_allow == ["203.0.113.0/24", "::/0"]
    assert found.client_certificate is not None
    assert found.client_certificate.form is CertificateForm.RFC9440


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["client_address: forwarded"], "needs the proxies that are believed"),
        (["client_certificate: {header: X, form: rfc9440}"], "needs the proxies that are believed"),
        ([PROXIED, "client_address: header"], "must be one of"),
        (
            [PROXIED, "client_address: proxy-protocol", "client_certificate: {header: X, form: rfc9440}"],
            "cannot go with `client_address: proxy-protocol`",
        ),
        ([PROXIED, "client_certificate: {header: 'X: Y', form: rfc9440}"], "must match"),
        ([PROXIED, "client_certificate: {header: X, form: pem}"], "must be one of"),
        (["trusted_proxies: [0.0.0.0/0]"], "must not be everybody"),
        (["trusted_proxies: [0.0.0.0/0.0.0.0]"], "must not be everybody"),
        (["trusted_proxies: ['::/00']"], "must not be everybody"),
        (["trusted_proxies: [10.1.2.3/8]"], "without bits beyond its length"),
        (["trusted_proxies: [proxy.test]"], "must be a network"),
        (["trusted_proxies: ['::ffff:10.0.0.0/104']"], "an IPv4 network is written as one"),
        (["trusted_proxies: ['fe80::1%eth0']"], "without a zone"),
        (["trusted_proxies: [7]"], "must be text"),
        (["ip_allow: []"], "at least 1 item"),
        (["ip_allow: [10.0.0.256]"], "must be a network"),
        (["resource: gate.test/mcp"], "must be an `http` or `https` URL"),
        (["resource: ftp://gate.test/mcp"], "must be an `http` or `https` URL"),
        (["resource: 'https://gate.test/mcp#part'"], "must be an `http` or `https` URL"),
        (["resource: 'https://gate.test/mcp?a=b'"], "must be an `http` or `https` URL"),
        (["resource: https://user@gate.test/mcp"], "must be an `http` or `https` URL"),
        (["resource: 'https://gate.test/a\", x=\"b'"], "must be an `http` or `https` URL"),
        (["resource: https://gäte.test/mcp"], "must be an `http` or `https` URL"),
        (["resource: https://gate.test:99999/mcp"], "must be an `http` or `https` URL"),
        (["resource: 'https://'"], "must be an `http` or `https` URL"),
    ],
)
def test_what_would_believe_anybody_or_nobody_is_a_problem(lines: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        gateway(*lines)
    assert [says in str(problem) for problem in caught.value.problems] == [True]
