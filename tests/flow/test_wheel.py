"""The wheel in environments of its own: what an enforcer installs, and what the decision point adds."""

import subprocess
import sys
import venv
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import Require

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

UNREACHABLE = ("No matching distribution found", "Could not find a version", "Connection", "timed out")
PROBE = "import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
INSTALL = ("install", "--quiet", "--only-binary=:all:", "--no-compile")


class Environment:
    """A virtual environment in which everything but the wheel itself comes from `requirements.lock`."""

    def __init__(self, folder: Path, lock: Path, require: Require) -> None:
        venv.create(folder)
        self._bin = folder / "bin"
        self._lock = lock
        self._require = require

    def install(self, wheel: Path, *, extra: str) -> None:
        libraries = self._bin.parent / "libraries.txt"
        libraries.write_text(_part_of(self._lock.read_text(), names=_needed("toolgate", extra)))
        done = self.pip(*INSTALL, "--require-hashes", "-r", str(libraries))
        if any(sign in done.stderr for sign in UNREACHABLE):
            self._require(None, reason=f"no package index within reach: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
        done = self.pip(*INSTALL, "--no-index", "--no-deps", str(wheel))
        assert done.returncode == 0, done.stderr

    def pip(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run(sys.executable, "-m", "pip", "--python", str(self._bin / "python"), *arguments)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _run(str(self._bin / program), *arguments)

    def modules_after_importing(self, module: str) -> set[str]:
        done = self.run("python", "-c", PROBE.format(module=module))
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    # from a folder without sources, or they would be imported instead of what is installed
    folder = Path(command[0]).parent
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=folder)


def _needed(distribution: str, extra: str) -> set[str]:
    """The names of everything that `distribution` with `extra` needs on this platform."""
    assert extra in {"", *(metadata(distribution).get_all("Provides-Extra") or [])}
    needed: set[str] = set()
    todo = [(distribution, extra)]
    while todo:
        name, wanted = todo.pop()
        for line in requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                found = canonicalize_name(requirement.name)
                todo += [(found, part) for part in ("", *requirement.extras) if found not in needed or part]
                needed.add(found)
    return needed


def _part_of(lock: str, *, names: set[str]) -> str:
    """The entries of the lock file for `names`."""
    kept, keep = [], False
    for line in lock.splitlines(keepends=True):
        if not line.startswith(" "):
            keep = canonicalize_name(line.partition("==")[0]) in names
        kept += [line] if keep else []
    return "".join(kept)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def enforcer(tmp_path_factory: pytest.TempPathFactory, root: Path, require: Require, wheel: Path) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("enforcer"), root / "requirements.lock", require)
    environment.install(wheel, extra="")
    return environment


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, root: Path, require: Require, wheel: Path) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("server"), root / "requirements.lock", require)
    environment.install(wheel, extra="server")
    return environment


def test_an_enforcers_chain_needs_neither_fastapi_nor_cedarpy(enforcer: Environment) -> None:
    loaded = enforcer.modules_after_importing("enforcers.chain")
    assert loaded.isdisjoint({"fastapi", "starlette", "cedarpy", "sqlalchemy", "pydantic", "yaml", "aiohttp"})


def test_an_enforcers_environment_holds_no_library_of_the_decision_point(enforcer: Environment) -> None:
    for module in ("fastapi", "cedarpy", "sqlalchemy", "prometheus_client"):
        assert enforcer.run("python", "-c", f"import {module}").returncode == 1


def test_a_verb_without_its_extra_names_the_extra(enforcer: Environment) -> None:
    done = enforcer.run("toolgate", "serve", "--help")
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'toolgate[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_configuration_need_no_extra(enforcer: Environment, tmp_path: Path) -> None:
    shown = enforcer.run("toolgate", "--help")
    assert (shown.returncode, "serve" in shown.stdout, "config" in shown.stdout) == (0, True, True)
    file = tmp_path / "toolgate.yaml"
    file.write_text("version: 1\n")
    assert enforcer.run("toolgate", "config", "check", "--config", str(file)).stdout == f"`{file}` is fine\n"


def test_with_the_server_extra_the_decision_point_runs(server: Environment) -> None:
    done = server.run("toolgate", "serve", "--help")
    assert done.returncode == 0, done.stderr
    assert "--config" in done.stdout


def test_what_is_installed_fits_together(server: Environment) -> None:
    checked = server.pip("check")
    assert checked.returncode == 0, checked.stdout
