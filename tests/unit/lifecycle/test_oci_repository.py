import pytest

from pdp.lifecycle.oci.repository import MAX_NAME, is_tag, repository_of
from pdp.tokens.fetch.unavailable import UnavailableError


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("oci://registry.example/bundles", "https://registry.example/v2/bundles/tags/list"),
        ("oci://registry.example:5000/a/b-c/d__e.f", "https://registry.example:5000/v2/a/b-c/d__e.f/tags/list"),
        ("oci+http://127.0.0.1:5000/bundles", "http://127.0.0.1:5000/v2/bundles/tags/list"),
        ("oci+http://[::1]:5000/bundles", "http://[::1]:5000/v2/bundles/tags/list"),
        ("oci+http://localhost/bundles", "http://localhost/v2/bundles/tags/list"),
    ],
)
def test_a_url_names_a_repository(url: str, asked: str) -> None:
    found = repository_of(url)
    assert found.url == url
    assert str(found.at("tags/list").url) == asked


@pytest.mark.parametrize(
    "url",
    [
        "oci://registry.example",
        "oci://registry.example/",
        "oci://registry.example/Bundles",
        "oci://registry.example/a//b",
        "oci://registry.example/a/",
        "oci://registry.example/a/../b",
        "oci://registry.example/a%2f..%2fb",
        "oci://registry.example/a_-b",
        "oci://registry.example/bundles:current",
        "oci://registry.example/bundles@sha256:abc",
        "oci://registry.example/bundles?tag=a",
        "oci://registry.example/bundles#a",
        "oci://carol:secret@registry.example/bundles",
        "oci:///bundles",
        "oci:registry.example/bundles",
        "oci+http://registry.example/bundles",
        "oci+http://10.0.0.1/bundles",
        "https://registry.example/bundles",
        f"oci://registry.example/{'a' * (MAX_NAME + 1)}",
        "oci://registry.example/" + "a-" * 100_000,
        "oci://registry.example/bundles\r\nhost: evil",
    ],
)
def test_what_names_none_is_refused(url: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        repository_of(url)
    assert "secret" not in str(caught.value)


def test_tags_are_what_the_specification_calls_so() -> None:
    assert all(map(is_tag, ("current", "serial-1", "_a.b-C", "a" * 128)))
    assert not any(map(is_tag, ("", ".a", "-a", "a/b", "a" * 129, "a\n", "..", "ä")))
