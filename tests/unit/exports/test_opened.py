from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import ValidationError

from pdp.audit.evidence.export import Leaves
from pdp.core.contract.errors import ConfigurationError, UnusableError
from pdp.core.settings.checkpoints import CheckpointSettings
from pdp.core.settings.decision_point import PdpSettings
from pdp.exports.opening import open_checkpoints, open_exports
from tests.unit.audit.evidence.scene import KEY, Hands, Scene


def settings(*exports: dict[str, Any], **more: Any) -> CheckpointSettings:
    return CheckpointSettings.model_validate({"key": "log.pem", "exports": list(exports), **more})


def opened(base: Path, *exports: dict[str, Any]) -> list[tuple[str, Leaves]]:
    found = open_exports(settings(*exports), base=base, state=base / "state", clock=Hands().clock())
    return [(export.target, leaves) for export, leaves in found]


def secret(base: Path, name: str, content: bytes) -> str:
    path = base / name
    path.write_bytes(content)
    path.chmod(0o600)
    return name


def test_places_are_called_by_what_they_are_without_credentials(tmp_path: Path) -> None:
    word, hook = secret(tmp_path, "word", b"s3cret"), secret(tmp_path, "hook", b"0123456789abcdef")
    found = opened(
        tmp_path,
        {"folder": "outside", "leaves": True},
        {"git": {"url": "https://git.example.com/a.git", "user": "ci", "password": word}},
        {"webhook": {"url": "https://audit.example.com/in", "secret": hook}},
        {"folder": "elsewhere", "name": "witness"},
    )
    assert found == [
        ("folder:outside", Leaves.WITH),
        ("git:https://git.example.com/a.git#checkpoints", Leaves.WITHOUT),
        ("webhook:https://audit.example.com/in", Leaves.WITHOUT),
        ("witness", Leaves.WITHOUT),
    ]


@pytest.mark.parametrize(
    "exports",
    [
        [{"folder": "a"}, {"folder": "b", "name": "folder:a"}],
        [{"git": {"url": "https://user:word@git.example.com/a.git"}}],
        [{"git": {"url": "--upload-pack=x"}}],
        [{"git": {"url": "ext::sh -c id"}}],
        [{"git": {"url": "https://git.example.com/a.git", "branch": "--x"}}],
        [{"webhook": {"url": "http://audit.example.com/in", "secret": "hook"}}],
        [{"webhook": {"url": "https://user:word@audit.example.com/in", "secret": "hook"}}],
        [{"webhook": {"url": "file:///etc/passwd", "secret": "hook"}}],
    ],
)
def test_a_place_that_must_not_be_is_a_problem_of_the_configuration(tmp_path: Path, exports: list[Any]) -> None:
    secret(tmp_path, "hook", b"0123456789abcdef")
    with pytest.raises(ConfigurationError) as raised:
        opened(tmp_path, *exports)
    assert "word@" not in str(raised.value)


@pytest.mark.parametrize("export", [{}, {"folder": "a", "git": {"url": "b"}}, {"folder": "a", "more": 1}])
def test_a_place_is_exactly_one(export: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(export)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    for export in (
        {"git": {"url": "https://git.example.com/a.git", "user": "ci", "password": "missing"}},
        {"git": {"url": "git@git.example.com:a.git", "ssh_key": "missing"}},
        {"webhook": {"url": "https://audit.example.com/in", "secret": "missing"}},
    ):
        with pytest.raises(UnusableError, match="there is no file"):
            opened(tmp_path, export)


def test_a_key_that_others_can_read_or_that_is_none_does_not_sign(scene: Scene) -> None:
    base = scene.folder
    log = {"url": scene.url, "checkpoints": {"key": "log.pem"}}
    pdp = PdpSettings.model_validate({"log": log})

    def opening() -> None:
        service = open_checkpoints(pdp, base=base, clock=Hands().clock(), log=structlog.get_logger())
        assert service is not None
        service.on_close()

    with pytest.raises(UnusableError, match="toolgate bundle keygen"):
        opening()
    secret(base, "log.pem", b"nonsense")
    with pytest.raises(UnusableError, match="no private key"):
        opening()
    secret(base, "log.pem", KEY.to_pem())
    opening()
    (base / "log.pem").chmod(0o644)
    with pytest.raises(UnusableError, match="others can read"):
        opening()
