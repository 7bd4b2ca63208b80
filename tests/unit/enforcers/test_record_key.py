"""The key that hashes arguments stays with the enforcer."""

import stat
from pathlib import Path

import pytest

from enforcers.compose import argument_recording
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.record_terms import Recording
from pdp.core.settings.gateway import GatewaySettings


def test_the_key_is_made_once_with_nobody_elses_rights(tmp_path: Path) -> None:
    first = argument_recording(GatewaySettings(record_arguments=Recording.HASH), base=tmp_path)
    path = tmp_path / ".toolgate" / "record.key"
    assert (len(first.key), first.at_least) == (32, Recording.HASH)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert argument_recording(GatewaySettings(), base=tmp_path).key == first.key


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UnusableError, match="no key of 32 bytes"):
        argument_recording(GatewaySettings(record_key=path), base=tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.key"
    path.write_bytes(bytes(32))
    path.chmod(0o644)
    with pytest.raises(UnusableError, match="chmod 600"):
        argument_recording(GatewaySettings(record_key=path), base=tmp_path)
