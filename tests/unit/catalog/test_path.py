import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.catalog.path import PathError, normalise_path


@pytest.mark.parametrize(
    ("given_path", "normal"),
    [
        ("/srv/data/a.txt", "/srv/data/a.txt"),
        ("/srv//data/./a.txt", "/srv/data/a.txt"),
        ("/srv/data/../etc/passwd", "/srv/etc/passwd"),
        ("public/../secret", "secret"),
        ("./public/", "public"),
        ("a%20b/c", "a b/c"),
        ("public/%2e%2e/secret", "secret"),
        ("/srv/%2e%2e%2fetc", "/etc"),
        (".", "."),
        ("/", "/"),
        ("a/..", "."),
        ("...", "..."),
        ("..a", "..a"),
        ("résumé/日本.txt", "résumé/日本.txt"),
        ("notes~", "notes~"),
        ("100%", "100%"),
    ],
)
def test_a_path_has_one_form(given_path: str, normal: str) -> None:
    assert normalise_path(given_path) == normal


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "..",
        "../etc/passwd",
        "a/../../b",
        "/..",
        "/../etc",
        "%2e%2e/etc",
        "%252e%252e/etc",
        "a%2500",
        "a%00b",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "..\\etc",
        "a\\b",
        "a%5cb",
        "\uff0e\uff0e/etc",
        "a\uff0fb",
        "a\uff3cb",
        "\u2024\u2024/etc",
        "\u2025/etc",
        "a\u200b/b",
        "a\u202eb",
        "a\u2028b",
        "~/x",
        "~root/x",
        "./~/x",
        "%7e/x",
        "\uff5e/x",
        "%ff",
        "%c0%af",
        "a" * 5000,
    ],
)
def test_a_path_that_readers_could_read_differently_is_refused(hostile: str) -> None:
    with pytest.raises(PathError):
        normalise_path(hostile)


@given(st.text(st.sampled_from("ab./%2eEfF5c~\\\x00 é")))
def test_a_normal_path_is_stable_and_never_climbs(text: str) -> None:
    try:
        normal = normalise_path(text)
    except PathError:
        return
    assert ".." not in normal.split("/")
    assert posixpath.normpath(normal) == normal
    if "%" not in normal:
        assert normalise_path(normal) == normal
