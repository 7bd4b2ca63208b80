"""`toolgate keys`: what an operator does with API keys."""

import json
import stat
from pathlib import Path

import pytest

from pdp.tokens.local.api_keys.key_text import read_key
from tests.flow.pdp_process import toolgate, toolgate_here

CONFIG = "version: 1\nidentity: {api_keys: {}}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "toolgate.yaml").write_text(CONFIG)
    return tmp_path


def test_a_key_is_printed_once_and_its_file_has_no_secret(place: Path) -> None:
    ended = toolgate(place, "keys", "create", "--subject", "ci", "--type", "agent", "--group", "eng")
    assert (ended.returncode, ended.stdout.count("\n")) == (0, 1)
    key = read_key(ended.stdout.strip())
    path = place / ".toolgate" / "api-keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.secret not in path.read_text()
    listed = toolgate_here(place, "keys", "list", "--json")
    (row,) = json.loads(listed.stdout)["keys"]
    assert (row["id"], row["subject"], row["type"], row["groups"], row["state"]) == (
        key.id, "ci", "agent", ["eng"], "good",
    )  # fmt: skip
    assert key.secret not in listed.stdout
    assert "argon2" not in listed.stdout


def test_rotation_and_revocation_are_listed(place: Path) -> None:
    made = json.loads(toolgate_here(place, "keys", "create", "--subject", "ci", "--json").stdout)
    new = json.loads(toolgate_here(place, "keys", "rotate", made["id"], "--overlap", "1h", "--json").stdout)
    assert new["subject"] == "ci"
    assert toolgate_here(place, "keys", "revoke", made["id"]).returncode == 0
    listed = toolgate_here(place, "keys", "list").stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [[made["id"], "revoked"], [new["id"], "good"]]
    again = toolgate_here(place, "keys", "rotate", made["id"])
    assert (again.returncode, again.stdout, "no longer" in again.stderr) == (2, "", True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("create",), "--subject"),
        (("create", "--subject", ""), "subject"),
        (("create", "--subject", "a", "--ttl", "1d"), "--ttl"),
        (("create", "--subject", "a", "--group", ""), "groups"),
        (("create", "--subject", "a", "--type", "root"), "--type"),
        (("revoke", "aaaaaaaaaaaaaaaa"), "toolgate keys"),
        (("rotate", "aaaaaaaaaaaaaaaa"), "toolgate keys"),
        (("list",), "toolgate keys create"),
    ],
)
def test_what_cannot_be_done_says_why(place: Path, arguments: tuple[str, ...], why: str) -> None:
    ended = toolgate_here(place, "keys", *arguments)
    assert (ended.returncode, ended.stdout, why in ended.stderr) == (2, "", True)
    assert not (place / ".toolgate" / "api-keys.json").exists()


def test_without_the_setting_it_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "toolgate.yaml").write_text("version: 1\n")
    ended = toolgate_here(tmp_path, "keys", "list")
    assert (ended.returncode, "identity:\n  api_keys: {}\n" in ended.stderr) == (2, True)
