"""Every archive behaves alike through the port."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdp.core.contract.digest import digest_of
from pdp.lifecycle.archive import Archive, Archived, ArchiveError, NotArchivedError, expired
from pdp.lifecycle.archive_database import DatabaseArchive
from pdp.lifecycle.archive_directory import DirectoryArchive
from pdp.lifecycle.oci.archive import OciArchive
from pdp.lifecycle.oci.registry import Registry
from pdp.lifecycle.oci.repository import repository_of
from pdp.lifecycle.web import Web
from tests.conftest import Require
from tests.database_servers import Server
from tests.flow.registry import INSTALL, program, registry
from tests.published import bundle

CONTENTS = [bundle(1, policy=b"// %d" % number)[1] for number in range(3)]
DIGESTS = [digest_of(content) for content in CONTENTS]
HOSTILE = [
    "sha256:../../etc/passwd",
    "sha256:" + "a" * 63 + "/",
    "sha256:" + "A" * 64,
    "sha256:" + "a" * 64 + "\n",
    "sha512:" + "a" * 128,
    "a' OR '1'='1",
    "",
    "/etc/passwd",
]


@dataclass(frozen=True)
class Kept:
    """An archive, another that shares what it keeps, and how somebody would write over a content in it."""

    archive: Archive
    second: Archive
    spoil: Callable[[str], None]


def in_directory(folder: Path) -> Kept:
    path = folder / "bundles"
    return Kept(
        DirectoryArchive(path),
        DirectoryArchive(path),
        lambda digest: _overwrite(path / f"{digest.replace(':', '-')}.json"),
    )


def _overwrite(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def in_database(folder: Path) -> Kept:
    def spoil(digest: str) -> None:
        with sqlite3.connect(folder / "kept/bundles.db") as connection:
            connection.execute("UPDATE toolgate_bundles SET content = x'00' WHERE digest = ?", (digest,))

    url = "sqlite:///kept/bundles.db"
    return Kept(DatabaseArchive(url, base=folder), DatabaseArchive(url, base=folder), spoil)


def in_server(server: Server) -> Kept:
    url = server.database()
    name = url.rpartition("/")[2]

    def spoil(digest: str) -> None:
        server.execute(f"UPDATE toolgate_bundles SET content = '0' WHERE digest = '{digest}'", database=name)

    return Kept(DatabaseArchive(url, base=Path()), DatabaseArchive(url, base=Path()), spoil)


@pytest.fixture(params=["directory", "database", "oci", "postgresql", "mariadb"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, require: Require) -> Iterator[Kept]:
    if request.param == "oci":
        require(program(), reason=f"no docker-registry here: {INSTALL}")
        with registry(tmp_path) as running:
            made = Registry(repository_of(running.repository()), web=Web(timeout=30), credentials=None)
            second = Registry(repository_of(running.repository()), web=Web(timeout=30), credentials=None)
            spoil = lambda digest: _overwrite(running.blob_file(digest))  # noqa: E731 - as beside it
            yield Kept(OciArchive(made), OciArchive(second), spoil)
    elif request.param in {"postgresql", "mariadb"}:
        made_there = in_server(request.getfixturevalue(request.param))
        yield made_there
        for one in (made_there.archive, made_there.second):
            assert isinstance(one, DatabaseArchive)
            one.close()
    else:
        yield {"directory": in_directory, "database": in_database}[request.param](tmp_path)


def test_a_content_is_kept_and_had_by_its_digest(kept: Kept) -> None:
    assert list(kept.archive.entries()) == []
    for at, (digest, content) in enumerate(zip(DIGESTS, CONTENTS, strict=True)):
        kept.archive.put(digest, content, now=1_700_000_000.5 + at)
    for archive in (kept.archive, kept.second):
        assert [archive.get(digest) for digest in DIGESTS] == CONTENTS
        entries = [Archived(1_700_000_000.5 + at, digest) for at, digest in enumerate(DIGESTS)]
        assert sorted(archive.entries()) == entries


def test_what_is_put_again_is_there_since_then(kept: Kept) -> None:
    for now in (1_000.25, 2_000.25, 2_000.25):
        kept.archive.put(DIGESTS[0], CONTENTS[0], now=now)
    assert list(kept.second.entries()) == [Archived(2_000.25, DIGESTS[0])]
    assert kept.second.get(DIGESTS[0]) == CONTENTS[0]


def test_what_was_removed_is_gone_and_may_be_removed_again_and_put_again(kept: Kept) -> None:
    kept.archive.put(DIGESTS[0], CONTENTS[0], now=1_000)
    kept.archive.put(DIGESTS[1], CONTENTS[1], now=2_000)
    kept.archive.remove(DIGESTS[0])
    kept.second.remove(DIGESTS[0])
    with pytest.raises(NotArchivedError):
        kept.second.get(DIGESTS[0])
    assert list(kept.archive.entries()) == [Archived(2_000, DIGESTS[1])]
    kept.archive.put(DIGESTS[0], CONTENTS[0], now=3_000)
    assert kept.archive.get(DIGESTS[0]) == CONTENTS[0]


def test_retention_reads_the_times_of_what_is_kept(kept: Kept) -> None:
    for now, (digest, content) in zip((1_000, 2_000, 3_000), zip(DIGESTS, CONTENTS, strict=True), strict=True):
        kept.archive.put(digest, content, now=now)
    assert list(expired(kept.archive.entries(), keep=500, now=2_600)) == DIGESTS[:1]


def test_a_content_that_was_written_over_is_not_given_out(kept: Kept) -> None:
    kept.archive.put(DIGESTS[0], CONTENTS[0], now=1_000)
    kept.spoil(DIGESTS[0])
    with pytest.raises(ArchiveError, match="digest") as caught:
        kept.archive.get(DIGESTS[0])
    assert not isinstance(caught.value, NotArchivedError)


def test_a_content_under_the_digest_of_another_is_never_given_out(kept: Kept) -> None:
    with pytest.raises(ArchiveError):  # noqa: PT012 - at either of the two
        kept.archive.put(DIGESTS[0], CONTENTS[1], now=1_000)
        kept.archive.get(DIGESTS[0])


def test_nothing_is_there_before_it_was_put(kept: Kept) -> None:
    with pytest.raises(NotArchivedError):
        kept.archive.get(DIGESTS[0])
    kept.archive.remove(DIGESTS[0])


@pytest.mark.parametrize("digest", HOSTILE)
def test_what_is_no_digest_is_nothing_that_is_kept(kept: Kept, digest: str) -> None:
    kept.archive.put(DIGESTS[0], CONTENTS[0], now=1_000)
    with pytest.raises(NotArchivedError):
        kept.archive.get(digest)
    with pytest.raises(NotArchivedError):
        kept.archive.remove(digest)
    with pytest.raises(ArchiveError):
        kept.archive.put(digest, CONTENTS[0], now=1_000)
    assert list(kept.archive.entries()) == [Archived(1_000, DIGESTS[0])]
