import re
import secrets
import stat
from pathlib import Path
from typing import Any

import pytest

from pdp.core.contract.errors import ConfigurationError, UnusableError
from pdp.core.settings.model import Settings
from pdp.server.enforcer_keys import EnforcerKeys, read_enforcer_keys


def settings(**pdp: Any) -> Settings:
    named = {name: {"key": file, "servers": ["git"]} for name, file in pdp.pop("enforcers", {}).items()}
    pdp |= {"enforcers": named}
    return Settings.model_validate({"version": 1, "pdp": pdp})


def keys(base: Path, **pdp: Any) -> EnforcerKeys:
    return read_enforcer_keys(settings(**pdp), base=base, randomness=secrets.token_bytes)


def test_keys_are_made_once_for_the_gateway_and_every_enforcer(tmp_path: Path) -> None:
    enforcers = {"files": "keys/files.key"}
    keys(tmp_path, enforcers=enforcers)
    made = {path: (tmp_path / path).read_bytes() for path in (".toolgate/gateway.key", "keys/files.key")}
    for path, content in made.items():
        assert re.fullmatch(rb"[A-Za-z0-9_-]{43}\n", content)
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / path).parent.stat().st_mode) == 0o700
    again = keys(tmp_path, enforcers=enforcers)
    assert again.owner(made[".toolgate/gateway.key"].strip()) == "gateway"
    assert again.owner(made["keys/files.key"].strip()) == "files"
    for stranger in (b"", b"x" * 43, made["keys/files.key"], made["keys/files.key"].strip()[:-1]):
        assert again.owner(stranger) is None


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    keys(tmp_path)
    (tmp_path / ".toolgate/gateway.key").chmod(0o644)
    with pytest.raises(UnusableError, match="chmod 600"):
        keys(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short", b"x" * 31, b"k" * 20 + b" " + b"k" * 20, b"\xff" * 43, b"k\n" * 40]
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".toolgate/gateway.key"
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(UnusableError, match="holds no key"):
        keys(tmp_path)


@pytest.mark.parametrize("name", ["pdp", "reader", "", "Files", "a b", "a/b", "-a", "a\n"])
def test_a_name_that_cannot_be_a_writers_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be an enforcer's name"):
        keys(tmp_path, enforcers={name: "a.key"})
    assert list(tmp_path.iterdir()) == []


def test_a_key_belongs_to_one_enforcer(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="same key"):
        keys(tmp_path, enforcers={"a": "shared.key", "b": "shared.key"})
    with pytest.raises(ConfigurationError, match="same key"):
        keys(tmp_path, enforcers={"a": ".toolgate/gateway.key"})


def test_the_gateways_key_may_be_named_among_the_enforcers(tmp_path: Path) -> None:
    named = keys(tmp_path, enforcers={"gateway": "elsewhere.key"})
    assert named.owner((tmp_path / "elsewhere.key").read_bytes().strip()) == "gateway"
    assert not (tmp_path / ".toolgate").exists()
