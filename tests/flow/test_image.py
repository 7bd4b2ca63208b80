"""The Dockerfile, carried out in a Debian root: no Docker daemon is needed, root and debootstrap are."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Require, RequireTool

pytestmark = pytest.mark.long

SUITE = "bookworm"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
# The machine's own way to its package index; the image itself knows none.
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_PROXY", "http_proxy", "https_proxy")


@dataclass
class Image:
    """A root directory to which the instructions of a Dockerfile are applied."""

    root: Path
    context: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"})
    user: str = "root"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)

    def apply(self, instruction: str, rest: str) -> None:
        match instruction:
            case "ARG" | "FROM" | "HEALTHCHECK" | "CMD":
                pass
            case "COPY":
                *sources, target = rest.split()
                self._copy([self.context / source for source in sources], self.root / target.lstrip("/"), into=target)
            case "RUN":
                self.run("sh", "-c", rest).check_returncode()
            case "ENV":
                name, _, value = rest.partition("=")
                self.env[name] = value
            case "WORKDIR":
                self.folder = rest
            case "USER":
                self.user = rest
            case "ENTRYPOINT":
                self.entrypoint = json.loads(rest)
            case _:
                pytest.fail(f"this test does not know `{instruction}`")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        line = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        environment = [f"{name}={value}" for name, value in (self.env | _machine()).items()]
        return subprocess.run(
            ["chroot", f"--userspec={self.user}", self.root, "env", "-i", *environment, "sh", "-c", line],
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    def _copy(self, sources: list[Path], target: Path, *, into: str) -> None:
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place = target / source.name if into.endswith("/") else target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)


def _machine() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}  # noqa: TID251 - the machine's settings
    return passed | {"PIP_CERT": f"/{CERTIFICATES}"}


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            instruction, _, rest = line.partition(" ")
            yield instruction, rest.strip()


@pytest.fixture(scope="module")
def image(
    tmp_path_factory: pytest.TempPathFactory, root: Path, require: Require, require_tool: RequireTool
) -> Iterator[Image]:
    require(os.geteuid() == 0, reason="only root may chroot: sudo make image-check")
    debootstrap = require_tool("debootstrap", install="apt-get install debootstrap")
    folder = tmp_path_factory.mktemp("image") / "root"
    packages = "python3,python3-venv,ca-certificates"
    built = subprocess.run(
        [debootstrap, "--variant=minbase", f"--include={packages}", SUITE, folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    for name in ("etc/resolv.conf", "etc/pip.conf", CERTIFICATES):
        if Path("/", name).exists():
            shutil.copy(Path("/", name), folder / name)
    image = Image(folder, root)
    for instruction, rest in _instructions((root / "Dockerfile").read_text()):
        image.apply(instruction, rest)
    yield image
    shutil.rmtree(folder)


@pytest.mark.timeout(1800)
def test_the_images_command_runs_as_a_user_that_is_not_root(image: Image) -> None:
    shown = image.run(*image.entrypoint, "--version")
    assert shown.stdout.startswith("toolgate "), shown.stderr
    assert image.run("id", "-u").stdout.strip() == "10001"


def test_the_images_user_can_change_its_own_folder_and_not_the_program(image: Image) -> None:
    assert image.run("touch", "/srv/toolgate/toolgate.db").returncode == 0
    assert image.run("touch", "/opt/toolgate/bin/toolgate").returncode != 0


def test_every_verb_of_the_image_has_its_libraries(image: Image) -> None:
    shown = image.run("toolgate", "serve", "--help")
    assert shown.returncode == 0, shown.stderr


def test_the_image_has_what_bundles_from_git_need(image: Image) -> None:
    assert image.run("git", "--version").returncode == 0
    assert image.run("sh", "-c", "command -v ssh ssh-keygen").returncode == 0


def test_the_images_health_check_fails_where_nothing_answers(image: Image) -> None:
    asked = image.run("/opt/toolgate/bin/python", "/opt/toolgate/healthcheck.py")
    assert asked.returncode == 1
    assert asked.stderr.startswith("no health at `http://127.0.0.1:8181/healthz`")


def test_the_image_keeps_no_source_and_no_build_tools(image: Image) -> None:
    assert not (image.root / "src").exists()
    assert image.run("/opt/toolgate/bin/python", "-c", "import hatchling").returncode == 1
