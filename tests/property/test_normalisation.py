"""Marked arguments: one form, the same for every reader."""

import ipaddress
import itertools
import posixpath
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx
import idna
import pytest
import yarl
from hypothesis import example, given
from hypothesis import strategies as st

from pdp.core.catalog.forms.form import FormError
from pdp.core.catalog.forms.host import normalise_host
from pdp.core.catalog.forms.path import normalise_path
from pdp.core.catalog.forms.url import normalise_url

FORMS: dict[str, Callable[[str], str]] = {"path": normalise_path, "host": normalise_host, "url": normalise_url}
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "ssh": 22, "sftp": 22, "git": 9418}

TRICKS: Final = (
    *("/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "%25", "%252e", "%61", "%c3%a9", "%", "\\", "~", "$", "${"),
    *(":", "@", "?", "#", ";", "&", "[", "]", "\x00", "\n", "\t", " ", "a", "b", "B", "é", "e\u0301", "ß"),
    *("\u3002", "\uff0e", "\uff0f", "\u200d", "\u202e", "xn--", "xn--bcher-kva", "0", "0x7f", "127", "1", "::"),
    *("ffff", "1.2.3.4", "con", "~1", "http", "https://", "://", "h", ":80", ":443"),
)
HOSTILE = st.lists(st.sampled_from(TRICKS), max_size=8).map("".join)
URLS = st.tuples(st.sampled_from(["http://", "http://h", "http://h/", "http://1.2.3.4:8"]), HOSTILE).map("".join)
ANY = st.one_of(HOSTILE, URLS, st.text(max_size=20))

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda label: label[2:4] != "--")
LETTERS = st.text(st.sampled_from("abcäöüßé\u03b1\u03b2\u03c2\u0430\u0431日本語"), min_size=1, max_size=8)
NAMES = st.lists(st.one_of(LABELS, LETTERS), min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
HOSTS = st.one_of(NAMES, st.ip_addresses().map(str))
PIECES = st.text(st.sampled_from("abZ09-._~!$&'()*+,=:@ /?%é日"), min_size=1, max_size=6)


def form_of(form: Callable[[str], str], text: str) -> str | None:
    try:
        return form(text)
    except FormError:
        return None


@pytest.mark.parametrize("kind", sorted(FORMS))
@given(text=ANY)
@example("%%32%65")
@example("//..")
@example("\u1fef\u037e")
def test_a_form_is_its_own_form(kind: str, text: str) -> None:
    form = FORMS[kind]
    normal = form_of(form, text)
    if normal is None:
        return
    assert form(normal) == normal


@given(st.lists(st.sampled_from(["", ".", "..", "a", "b.txt", "..c", "é"]), min_size=1, max_size=8))
def test_a_path_of_plain_names_leads_where_posix_says(segments: list[str]) -> None:
    text = "/".join(segments)
    steps = [{"": 0, ".": 0, "..": -1}.get(segment, 1) for segment in segments]
    climbs = any(depth < 0 for depth in itertools.accumulate(steps))
    expected = None if climbs or not text else "/" + posixpath.normpath(text).lstrip("/")
    assert form_of(normalise_path, text) == (expected if text.startswith("/") or expected is None else expected[1:])


@given(text=HOSTILE)
def test_no_reader_finds_another_path_in_the_form_of_one(text: str) -> None:
    normal = form_of(normalise_path, text)
    if normal is None:
        return
    assert unquote(normal) == normal
    assert posixpath.normpath(normal) == normal
    assert ".." not in normal.split("/")
    assert not set(normal) & set("\\:\x00\n\t")


@given(name=NAMES)
def test_the_form_of_a_name_is_the_one_that_idna_writes(name: str) -> None:
    try:
        expected = idna.encode(name, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        expected = None
    assert form_of(normalise_host, name) == expected
    assert form_of(normalise_host, name + ".") == expected
    assert form_of(normalise_host, name.replace(".", "\u3002")) == expected


@given(address=st.ip_addresses())
@example(ipaddress.IPv6Address("::ffff:1.2.3.4"))
def test_the_form_of_an_address_is_the_one_of_rfc_5952_unless_it_is_another(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert form_of(normalise_host, address.exploded) in {str(address), None}
    assert form_of(normalise_host, address.exploded) == form_of(normalise_host, str(address))


@given(
    scheme=st.sampled_from(sorted(PORTS)),
    host=HOSTS,
    port=st.none() | st.integers(1, 65_535) | st.sampled_from(sorted(PORTS.values())),
    segments=st.lists(PIECES, max_size=4),
    query=st.none() | PIECES,
)
def test_every_library_reads_a_url_alike(
    scheme: str, host: str, port: int | None, segments: list[str], query: str | None
) -> None:
    written = f"[{host}]" if ":" in host else host
    text = f"{scheme}://{written}" + (f":{port}" if port else "")
    text += "".join("/" + segment for segment in segments) + (f"?{query}" if query is not None else "")
    normal = form_of(normalise_url, text)
    if normal is None:
        return
    ours = (scheme, normalise_host(host), port or PORTS[scheme])
    split, theirs, clients = urlsplit(normal), httpx.URL(normal), yarl.URL(normal)
    assert (split.scheme, split.hostname, split.port or PORTS[scheme]) == ours
    assert (theirs.scheme, theirs.raw_host.decode().strip("[]"), theirs.port or PORTS[scheme]) == ours
    assert (clients.scheme, clients.raw_host, clients.explicit_port or PORTS[scheme]) == ours
    assert unquote(split.path) == theirs.path == clients.path
    assert str(clients) == str(yarl.URL(str(clients)))


@given(text=URLS)
def test_no_library_finds_another_host_in_a_url_than_we_do(text: str) -> None:
    normal = form_of(normalise_url, text)
    if normal is None:
        return
    authority = normal.removeprefix("http://").partition("/")[0]
    assert urlsplit(normal).netloc == authority
    assert httpx.URL(normal).netloc.decode() == authority
    assert yarl.URL(normal).raw_authority == authority
    assert urlsplit(normal).path.startswith("/")
