import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy.dialects import registry

from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import UnusableError
from pdp.lifecycle.archive import Archived, ArchiveError
from pdp.lifecycle.archive_database import DatabaseArchive

URL = "sqlite:///kept/bundles.db"
OTHER = "othersql"
"""SQLite under a name that we do not know: what holds for any database holds for it."""
CONTENT = b"a content"
DIGEST = digest_of(CONTENT)


def test_a_new_file_is_its_owner_s_and_logs_ahead(tmp_path: Path) -> None:
    DatabaseArchive(URL, base=tmp_path).put(DIGEST, CONTENT, now=1)
    path = tmp_path / "kept/bundles.db"
    for one in (path, path.with_name("bundles.db-wal")):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    first = DatabaseArchive(URL, base=tmp_path)
    first.put(DIGEST, CONTENT, now=1)
    first.close()
    assert DatabaseArchive(URL, base=tmp_path).get(DIGEST) == CONTENT


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite:///bundles.db?mode=memory", "needs a file"),
        ("bundles.db", "cannot be opened"),
        ("nonsense://bundles", "cannot be opened"),
        ("sqlite:///taken/bundles.db", "cannot be opened"),
        ("sqlite:///text", "cannot be opened"),
        ("sqlite:///other.db", "no archive of bundles"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, url: str, told: str) -> None:
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "text").write_text("no database, but longer than nothing at all" * 100)
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(UnusableError, match=told):
        DatabaseArchive(url, base=tmp_path)
    with sqlite3.connect(tmp_path / "other.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_missing_driver_and_a_password_are_not_told_apart_by_the_password(tmp_path: Path) -> None:
    with pytest.raises(UnusableError) as caught:
        DatabaseArchive("nonsense://carol:secret@db.example/bundles", base=tmp_path)
    assert "secret" not in str(caught.value)


def test_a_file_that_was_removed_keeps_nothing_more(tmp_path: Path) -> None:
    archive = DatabaseArchive(URL, base=tmp_path)
    (tmp_path / "kept/bundles.db").unlink()
    with pytest.raises(ArchiveError, match="cannot be used"):
        archive.put(DIGEST, CONTENT, now=1)


def test_threads_and_processes_that_put_the_same_at_once_keep_it_once(tmp_path: Path) -> None:
    archives = [DatabaseArchive(URL, base=tmp_path) for _ in range(4)]
    failed: list[Exception] = []

    def put(archive: DatabaseArchive) -> None:
        try:
            for _ in range(10):
                archive.put(DIGEST, CONTENT, now=1)
        except ArchiveError as error:
            failed.append(error)

    threads = [threading.Thread(target=put, args=(archive,)) for archive in archives for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert list(archives[0].entries()) == [Archived(1, DIGEST)]


@pytest.fixture
def other(tmp_path: Path) -> str:
    registry.register(OTHER, "sqlalchemy.dialects.sqlite.pysqlite", "SQLiteDialect_pysqlite")
    return f"{OTHER}:///{tmp_path}/other.db"


def test_another_database_gets_its_table_when_it_is_needed(tmp_path: Path, other: str) -> None:
    archive = DatabaseArchive(other, base=Path("/nowhere"))
    assert not (tmp_path / "other.db").exists()
    archive.put(DIGEST, CONTENT, now=1.5)
    archive.put(DIGEST, CONTENT, now=2.5)
    assert list(DatabaseArchive(other, base=tmp_path).entries()) == [Archived(2.5, DIGEST)]
    assert archive.get(DIGEST) == CONTENT


def test_a_database_that_is_away_is_an_error_until_it_is_back(tmp_path: Path, other: str) -> None:
    archive = DatabaseArchive(other.replace("other.db", "away/other.db"), base=tmp_path)
    with pytest.raises(ArchiveError, match="cannot be used: OperationalError"):
        archive.put(DIGEST, CONTENT, now=1)
    (tmp_path / "away").mkdir()
    archive.put(DIGEST, CONTENT, now=1)
    assert archive.get(DIGEST) == CONTENT


def test_what_a_database_refuses_to_take_is_not_said_to_be_kept(tmp_path: Path, other: str) -> None:
    archive = DatabaseArchive(other, base=tmp_path)
    assert list(archive.entries()) == []
    with sqlite3.connect(tmp_path / "other.db") as connection:
        refusing = "BEFORE INSERT ON toolgate_bundles BEGIN SELECT RAISE(ABORT, 'no'); END"
        connection.execute(f"CREATE TRIGGER no {refusing}")
    with pytest.raises(ArchiveError):
        archive.put(DIGEST, CONTENT, now=1)
