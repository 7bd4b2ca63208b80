import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pdp.core.bundle.head import Head
from pdp.core.contract.errors import BundleError, UnusableError
from pdp.lifecycle.channel import CANARY
from pdp.lifecycle.channel_source import ChannelSource
from pdp.lifecycle.credentials import Credentials
from pdp.lifecycle.http_channel import HttpChannel
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.web import Web, site
from tests.published import bundle, fresh
from tests.raw_server import Asked, RawServer, raw_server, reply

HEAD, CONTENT = bundle(3)
DIGEST = HEAD.unverified().digest


def folder(base: Path) -> Path:
    """A channel as it lies in a folder."""
    (base / "serials").mkdir()
    (base / "contents").mkdir()
    (base / "current.json").write_bytes(HEAD.to_json())
    (base / "serials" / "3.json").write_bytes(HEAD.to_json())
    (base / "contents" / f"{DIGEST.replace(':', '-')}.json").write_bytes(CONTENT)
    return base


def serving(base: Path, asked: Asked) -> bytes:
    """Answers as a static server with entity tags does."""
    path = base / asked.target.removeprefix("/bundles/")
    if not path.is_file():
        return reply(404)
    body = path.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return reply(304, etag=etag) if asked.headers.get("if-none-match") == etag else reply(body=body, etag=etag)


@contextmanager
def plain_server(base: Path) -> Iterator[str]:
    """Python's own static server, which knows no entity tags."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the port's signature
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=base)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def channel(url: str, *, credentials: Credentials | None = None) -> HttpChannel:
    return HttpChannel(site(url), web=Web(timeout=5), credentials=credentials)


def at(server: RawServer, *, credentials: Credentials | None = None) -> HttpChannel:
    return channel(f"{server.url}/bundles/", credentials=credentials)


def test_a_folder_on_a_web_server_is_a_channel(tmp_path: Path) -> None:
    with plain_server(folder(tmp_path)) as url:
        made = channel(url)
        assert made.head() == made.head() == made.of_serial(3) == HEAD
        assert made.head(CANARY) is None
        assert made.of_serial(4) is None
        assert made.content(DIGEST) == CONTENT
        source = ChannelSource(made)
        assert source.fetch(source.look())["policies/catalog.yaml"] == b"version: 1\n"


def test_an_unchanged_head_is_not_downloaded_again(tmp_path: Path) -> None:
    with raw_server(partial(serving, folder(tmp_path))) as server:
        made = at(server)
        assert made.head() == made.head() == HEAD
        assert [one.headers.get("if-none-match") is None for one in server.asked] == [True, False]
        newer = fresh(HEAD, now=1_000_000_000)
        (tmp_path / "current.json").write_bytes(newer.to_json())
        assert made.head() == newer
        (tmp_path / "current.json").unlink()
        assert made.head() is None
        (tmp_path / "current.json").write_bytes(HEAD.to_json())
        assert made.head() == HEAD


def test_a_server_that_says_unchanged_before_it_was_ever_read_is_not_believed() -> None:
    with raw_server(lambda _: reply(304)) as server, pytest.raises(SourceError, match="status 304"):
        at(server).head()


@pytest.mark.parametrize(
    ("credentials", "shown"),
    [
        (Credentials("carol", "pass:word"), "Basic Y2Fyb2w6cGFzczp3b3Jk"),
        (Credentials(None, "a.token"), "Bearer a.token"),
        (None, None),
    ],
)
def test_credentials_are_shown_to_the_server(credentials: Credentials | None, shown: str | None) -> None:
    with raw_server(lambda _: reply(body=HEAD.to_json())) as server:
        at(server, credentials=credentials).head()
    assert server.asked[0].headers.get("authorization") == shown


def test_credentials_go_to_no_other_server() -> None:
    with raw_server(lambda _: reply(body=HEAD.to_json())) as other, raw_server(lambda _: b"") as server:
        server.answering = lambda _: reply(307, location=f"{other.url}/current.json")
        with pytest.raises(SourceError, match="status 307"):
            at(server, credentials=Credentials("carol", "secret")).head()
    assert other.asked == []


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "does not take the credentials"), (403, "do not permit"), (500, "status 500"), (200, "breaks off")],
)
def test_what_cannot_be_had_now_says_nothing_about_what_is_in_force(status: int, told: str) -> None:
    length = "9" if status == 200 else "1"
    with raw_server(lambda _: [reply(status, b"{", content_length=length)]) as server:
        for ask in (at(server).head, lambda: at(server).of_serial(1), lambda: at(server).content(DIGEST)):
            with pytest.raises(SourceError, match=told):
                ask()


def test_a_content_that_is_missing_is_no_reason_to_believe_another() -> None:
    with raw_server(lambda _: reply(404)) as server, pytest.raises(SourceError, match="not there"):
        at(server).content(DIGEST)


def of_head(made: HttpChannel) -> object:
    return made.head()


def of_serial(made: HttpChannel) -> object:
    return made.of_serial(4)


def of_content(made: HttpChannel) -> object:
    return made.content(DIGEST)


@pytest.mark.parametrize(
    ("ask", "answer", "told"),
    [
        (of_head, reply(body=b"<html>"), "no head of a channel"),
        (of_head, reply(body=b"\xff\xfe"), "no head of a channel"),
        (of_head, reply(body=b"{}"), "no head of a channel"),
        (of_head, b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "announced 99999999999 bytes"),
        (of_serial, reply(body=HEAD.to_json()), "another serial"),
        (of_content, reply(body=CONTENT + b" "), "another digest"),
        (of_content, b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "announced 99999999999 bytes"),
    ],
)
def test_what_is_not_what_it_should_be_is_not_believed(
    ask: Callable[[HttpChannel], object], answer: bytes, told: str
) -> None:
    with raw_server(lambda _: answer) as server, pytest.raises(BundleError, match="bundle_untrusted") as caught:
        ask(at(server))
    assert told in caught.value.detail


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "", "sha256:" + "A" * 64, f"{DIGEST}/.."])
def test_a_digest_is_no_path(digest: str) -> None:
    with raw_server(lambda _: reply(404)) as server, pytest.raises(BundleError):
        at(server).content(digest)
    assert server.asked == []


def test_a_name_is_no_path() -> None:
    with raw_server(lambda _: reply(404)) as server, pytest.raises(UnusableError):
        at(server).head("../secrets")
    assert server.asked == []


def test_an_endless_tag_is_not_kept() -> None:
    with raw_server(lambda _: reply(body=HEAD.to_json(), etag='"' + "x" * 2000 + '"')) as server:
        made = at(server)
        assert isinstance(made.head(), Head)
        made.head()
    assert [one.headers.get("if-none-match") for one in server.asked] == [None, None]
