"""From the settings to a source, and to what takes notifications."""

from pathlib import Path
from typing import Any

import pytest

from pdp.bootstrap.bundles import interval, open_source
from pdp.bootstrap.git import open_git
from pdp.bootstrap.webhook import open_webhook
from pdp.core.contract.errors import ToolgateError
from pdp.core.settings.bundles import BundleSettings, GitSettings
from pdp.core.settings.decision_point import PdpSettings
from pdp.lifecycle.git.source import GitSource
from tests.git_repository import CLOCK, Repository


async def nothing() -> None:
    pass


def opened(base: Path, **git: Any) -> GitSource:
    settings = GitSettings.model_validate({"url": "policies.git", "branch": "main"} | git)
    return open_git(settings, base=base, folder=base / "copy", setting="pdp.bundles.git", clock=CLOCK)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    Repository(tmp_path / "policies.git").commit()
    for name, content in {"token": b"hunter2\n", "binary": b"\xff", "hook": b"0123456789abcdef\n"}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "open").write_text("hunter2")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "signers").touch()
    return tmp_path


def test_a_repository_in_the_settings_is_the_source(base: Path) -> None:
    settings = PdpSettings.model_validate({"bundles": {"git": {"url": "policies.git", "branch": "main"}}})
    source = open_source(settings, base=base, clock=CLOCK)
    assert isinstance(source, GitSource)
    assert source.look().serial == 1
    assert (source.name, interval(settings)) == (f"{base / 'policies.git'} (main)", 30.0)
    assert (base / ".toolgate" / "git" / "sha1.git").is_dir()


def test_every_setting_is_taken(base: Path) -> None:
    source = opened(base, user="ci", password="token", ssh_key="hook", known_hosts="hook", signers="signers")
    assert source.name.endswith("(main)")
    assert opened(base, branch=None, tag="v1").name.endswith("(v1)")


@pytest.mark.parametrize(
    ("git", "reason"),
    [
        ({"url": "https://alice:secret@git.example.com/p.git"}, "credentials do not belong in the URL"),
        ({"policies": "../policies"}, "no part of it begins with a dot"),
        ({"branch": "--upload-pack=x"}, "does not begin with a hyphen"),
        ({"signers": "nowhere"}, "there is no file"),
        ({"ssh_key": "nowhere"}, "there is no file"),
        ({"known_hosts": "nowhere"}, "there is no file"),
        ({"user": "ci", "password": "nowhere"}, "there is no file"),
        ({"user": "ci", "password": "open"}, "holds a secret that others can read"),
        ({"user": "ci", "password": "binary"}, "holds no text"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_start(base: Path, git: dict[str, Any], reason: str) -> None:
    with pytest.raises(ToolgateError, match=reason) as refused:
        opened(base, **git)
    assert "secret@" not in str(refused.value)


def test_without_git_the_message_names_its_package(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(base))
    with pytest.raises(ToolgateError, match="run `apt-get install git`"):
        opened(base)


def hooked(secret: str) -> dict[str, Any]:
    return {"git": {"url": "x", "branch": "main", "webhook": {"secret": secret}}}


def test_a_webhook_needs_a_secret_that_is_one(base: Path) -> None:
    for settings in ({}, {"git": {"url": "x", "branch": "main"}}):
        assert open_webhook(BundleSettings.model_validate(settings), nothing, base=base, clock=CLOCK) is None
    for name, reason in {
        "nowhere": "there is no file",
        "token": "at least 16 bytes",
        "open": "others can read",
    }.items():
        with pytest.raises(ToolgateError, match=reason):
            open_webhook(BundleSettings.model_validate(hooked(name)), nothing, base=base, clock=CLOCK)
    assert open_webhook(BundleSettings.model_validate(hooked("hook")), nothing, base=base, clock=CLOCK) is not None


def test_one_webhook_is_for_the_canary_too(base: Path) -> None:
    canary = {"canary": {"percent": 1, **hooked("hook")}}
    assert open_webhook(BundleSettings.model_validate(canary), nothing, base=base, clock=CLOCK) is not None
    both = BundleSettings.model_validate(canary | hooked("hook"))
    with pytest.raises(ToolgateError, match="has the canary looked at too"):
        open_webhook(both, nothing, base=base, clock=CLOCK)
