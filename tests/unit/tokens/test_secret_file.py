import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pdp.core.contract.errors import UnusableError
from pdp.tokens.secret_file import obtain_secret, read_secret


def never() -> bytes:
    raise AssertionError("nothing was to be made")


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "key"
    assert obtain_secret(path, lambda: b"secret") == b"secret"
    assert obtain_secret(path, never) == b"secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path], "no temporary file stays"


def test_the_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        obtain_secret(tmp_path / "key", lambda: b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o601, 0o660, 0o644, 0o777, 0o620])
def test_a_secret_others_have_rights_on_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"secret")
    path.chmod(mode)
    with pytest.raises(UnusableError, match="chmod 600"):
        obtain_secret(path, never)


def test_what_a_link_leads_to_counts(tmp_path: Path) -> None:
    (tmp_path / "open").write_bytes(b"secret")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "key").symlink_to(tmp_path / "open")
    with pytest.raises(UnusableError, match="chmod 600"):
        read_secret(tmp_path / "key")


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(UnusableError):
            read_secret(tmp_path / name)


def test_a_huge_file_is_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    os.truncate(path, 1 << 40)
    with pytest.raises(UnusableError, match="larger than"):
        read_secret(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnusableError):
        obtain_secret(tmp_path / "file" / "key", lambda: b"secret")


def test_of_many_at_once_all_get_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda n: obtain_secret(tmp_path / "key", lambda: b"%d" % n), range(64)))
    assert len(set(got)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
