import pytest

from pdp.hosting.address import Exposure
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.unavailable import UnavailableError


@pytest.mark.parametrize(
    ("url", "exposure"),
    [
        ("https://login.example.com/jwks", Exposure.NETWORK),
        ("https://10.0.0.1/jwks", Exposure.NETWORK),
        ("https://localhost/jwks", Exposure.LOOPBACK),
        ("http://127.0.0.1:9/x", Exposure.LOOPBACK),
        ("http://[::1]/x", Exposure.LOOPBACK),
        ("http://LOCALHOST/x", Exposure.LOOPBACK),
    ],
)
def test_urls_that_may_be_asked(url: str, exposure: Exposure) -> None:
    assert read_endpoint(url).exposure is exposure


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com/jwks",
        "http://127.0.0.1.evil.example.com/",
        "http://localhost.evil.example.com/",
        "http://localhost./",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "https://user:pass@login.example.com/",
        "https://user@login.example.com/",
        "ftp://login.example.com/",
        "HTTPS:/login.example.com",
        "https:///jwks",
        "file:///etc/passwd",
        "unix:/run/x.sock",
        "//login.example.com/",
        "/jwks",
        "",
        "http://[::1",
        "https://",
        "https://login.example.com:99999999/",
        "https://login.example.com:port/",
        "https://login\0.example.com/",
        "https://login.example.com/" + "a" * 3000,
    ],
)
def test_urls_that_must_not_be_asked(url: str) -> None:
    with pytest.raises(UnavailableError):
        read_endpoint(url)


def test_a_fragment_is_dropped() -> None:
    assert str(read_endpoint("https://login.example.com/a?b#c").url) == "https://login.example.com/a?b"


@pytest.mark.parametrize(
    ("here", "named"),
    [
        ("https://login.example.com/", "https://keys.example.net/jwks"),
        ("https://login.example.com/", "https://10.0.0.1/jwks"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:2/jwks"),
        ("http://127.0.0.1:1/", "https://login.example.com/jwks"),
    ],
)
def test_a_document_may_name_other_hosts(here: str, named: str) -> None:
    assert str(read_endpoint(here).naming(named).url) == named


@pytest.mark.parametrize(
    "named", ["http://127.0.0.1/jwks", "https://localhost/jwks", "http://keys.example.net/", "x", "https://u@h/"]
)
def test_a_document_from_elsewhere_names_nothing_on_this_machine(named: str) -> None:
    with pytest.raises(UnavailableError):
        read_endpoint("https://login.example.com/").naming(named)
