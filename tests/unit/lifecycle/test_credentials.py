from pathlib import Path

import pytest

from pdp.core.contract.errors import UnusableError
from pdp.lifecycle.credentials import Credentials, read_credentials


def secret(folder: Path, content: bytes, *, mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_nothing_configured_is_nobody() -> None:
    assert read_credentials(user=None, password=None) is None


def test_a_password_is_the_file_without_its_line_end(tmp_path: Path) -> None:
    found = read_credentials(user="carol", password=secret(tmp_path, b"pass word\n"))
    assert found == Credentials("carol", "pass word")


def test_a_password_without_a_user_is_a_token(tmp_path: Path) -> None:
    found = read_credentials(user=None, password=secret(tmp_path, b"abc.def\n"))
    assert found is not None
    assert (found.header(), found.basic()) == ("Bearer abc.def", None)


@pytest.mark.parametrize(
    ("user", "content", "mode"),
    [
        (None, b"two words", 0o600),
        (None, b"", 0o600),
        (None, b"\xff", 0o600),
        ("carol", b"two\nlines", 0o600),
        ("ca:rol", b"password", 0o600),
        ("carol\r\nhost: evil", b"password", 0o600),
        ("carol", b"password", 0o644),
    ],
)
def test_what_cannot_be_shown_or_is_shown_to_others_is_refused(
    tmp_path: Path, user: str | None, content: bytes, mode: int
) -> None:
    with pytest.raises(UnusableError):
        read_credentials(user=user, password=secret(tmp_path, content, mode=mode))


def test_a_user_needs_a_password_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="needs a `password`"):
        read_credentials(user="carol", password=None)
    with pytest.raises(UnusableError, match="there is no file"):
        read_credentials(user="carol", password=tmp_path / "none")


def test_a_secret_is_in_no_representation() -> None:
    assert "secret" not in repr(Credentials("carol", "secret"))
