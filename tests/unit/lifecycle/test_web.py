import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpcore
import pytest

from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import FAILURES, Answer, OversizedError, Web, site
from pdp.tokens.fetch.unavailable import UnavailableError
from tests.certificates import authority
from tests.raw_server import Asked, RawServer, chunked, raw_server, reply

SECRET = "Bearer do-not-tell"
TIMEOUT = 0.5


def ask(server: RawServer, *, max_bytes: int = 100, timeout: float = 5, tls: ssl.SSLContext | None = None) -> Answer:
    with Web(timeout=timeout, tls=tls).talk() as talk:
        return talk.ask(site(f"{server.url}/it"), headers={"authorization": SECRET}, max_bytes=max_bytes)


def endless(_: Asked) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    while True:
        yield b"400\r\n" + b"x" * 1024 + b"\r\n"


def test_every_failure_of_the_library_is_mapped_at_this_edge() -> None:
    raised = [one for one in vars(httpcore).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert len(raised) > 10
    assert [one for one in raised if not issubclass(one, FAILURES)] == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", "breaks off"),
        (list(chunked(b"a part")), "breaks off"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "breaks off"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "does not say how long"),
        (reply(body=b"{}", content_encoding="gzip"), "encoding that was not asked for"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "breaks off"),
        (b"", "breaks off"),
        (b"SSH-2.0-OpenSSH_9.2 " + SECRET.encode() + b"\r\n", "is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nname: " + b"x" * 200_000, "is no HTTP"),
    ],
)
def test_what_is_no_whole_answer_is_no_answer(answer: bytes | Iterable[bytes], told: str) -> None:
    answers = [answer] if isinstance(answer, bytes) else answer
    with raw_server(lambda _: answers) as server, pytest.raises(SourceError) as caught:
        ask(server)
    assert told in str(caught.value)
    assert "do-not-tell" not in str(caught.value)
    assert not isinstance(caught.value, OversizedError)


@pytest.mark.parametrize(
    "answering",
    [endless, lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", lambda _: reply(body=b"x" * 101)],
)
def test_no_more_is_read_than_may_be_there(answering: Callable[[Asked], bytes]) -> None:
    with raw_server(answering) as server, pytest.raises(OversizedError):
        ask(server)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", b"HTTP/1.1 404 No\r\n"])
def test_a_server_that_dawdles_is_left_when_the_time_is_over(head: bytes) -> None:
    with raw_server(lambda _: [head, *()]) as server:
        server.answering = lambda _: _then_slowly(server, head)
        begun = time.monotonic()
        with pytest.raises(SourceError, match=r"took longer than 0\.5 s"):
            ask(server, timeout=TIMEOUT)
    assert TIMEOUT <= time.monotonic() - begun < 10 * TIMEOUT


def _then_slowly(server: RawServer, head: bytes) -> Iterator[bytes]:
    yield head
    yield from server.slowly(b"x" * 1000)


def test_a_redirect_is_an_answer_like_others() -> None:
    with raw_server(lambda _: reply(302, location="http://127.0.0.1:1/")) as server:
        assert ask(server).status == 302
    assert len(server.asked) == 1


def test_an_answer_that_says_no_is_read_no_further_than_need_be() -> None:
    with raw_server(lambda _: b"HTTP/1.1 500 No\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 300_000) as server:
        assert ask(server).status == 500


def test_nobody_there_is_told_with_the_cause() -> None:
    with raw_server(lambda _: b"") as server:
        pass
    with pytest.raises(SourceError, match="Connection refused"):
        ask(server)


def test_a_host_that_cannot_be_resolved_is_told() -> None:
    with Web(timeout=5).talk() as talk, pytest.raises(SourceError, match="cannot be asked"):
        talk.ask(site("https://" + "a" * 64 + ".invalid/"))


def test_certificates_are_checked(tmp_path: Path) -> None:
    made = authority(tmp_path)
    with raw_server(lambda _: reply(body=b"{}"), tls=made.server) as server:
        assert ask(server, tls=made.client).body == b"{}"
        with pytest.raises(SourceError, match="certificate is not believed"):
            ask(server)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://bundles.example/", "without TLS only this machine is asked: write `https://`"),
        ("http://10.0.0.1:5000/", "without TLS only this machine is asked"),
        ("https://user:secret@bundles.example/", "must not carry credentials"),
        ("https://bundles.example/?a=b", "neither query nor fragment"),
        ("https://bundles.example/#a", "neither query nor fragment"),
        ("https://", "cannot be read"),
        ("http://a\x00b", "cannot be read"),
        ("https://h:99999/", "cannot be read"),
    ],
)
def test_a_url_that_must_not_be_asked_is_refused_with_what_to_do(url: str, told: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        site(url)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
