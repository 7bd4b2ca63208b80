import pytest

from pdp.tokens.proof.target import target


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example/"),
        ("https://a.example/", "https://a.example/"),
        ("HTTPS://A.EXAMPLE:443/Path", "https://a.example/Path"),
        ("http://a.example:80/", "http://a.example/"),
        ("http://a.example:443/", "http://a.example:443/"),
        ("https://a.example:08443/", "https://a.example:8443/"),
        ("https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x"),
        ("https://a.example/%7euser/%2f%c3%a9", "https://a.example/~user/%2F%C3%A9"),
        ("https://a.example/a?b#c", "https://a.example/a"),
        ("https://a.example?b", "https://a.example/"),
        ("https://a.example/a/../b", "https://a.example/a/../b"),
    ],
)
def test_equal_urls_have_one_form(url: str, expected: str) -> None:
    assert target(url) == expected
    assert target(expected) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///path",
        "ftp://a.example/",
        "//a.example/",
        "https:a.example",
        "https://a b.example/",
        "https://user@a.example/",
        "https://a.example:port/",
        "https://a.example:123456/",
        "https://a.example/%",
        "https://a.example/%g0",
        "https://a.example/a b",
        "https://a.example/\t",
        "https://a.example/\n",
        "https://a.example/\\",
        "https://\N{LATIN SMALL LETTER E WITH ACUTE}.example/",
        "https://a.example/?\N{LATIN SMALL LETTER E WITH ACUTE}",
        "https://a.example/" + "a" * 2048,
    ],
)
def test_what_is_no_plain_url_has_none(url: str) -> None:
    assert target(url) is None
