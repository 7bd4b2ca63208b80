import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock", "requirements-mcp1.lock")
ENTRY = re.compile(r"^([a-z0-9-]+)==([^ ]+)", re.MULTILINE)


def locked(root: Path, name: str) -> dict[str, str]:
    return dict(ENTRY.findall((root / name).read_text()))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_host_and_has_a_hash_for_everything(root: Path, name: str) -> None:
    text = (root / name).read_text()
    assert not re.search(r"https?:|--index-url|--find-links|--extra-index-url|--trusted-host| @ ", text)
    entries = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert len(entries) == len(ENTRY.findall(text)) > 4
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_development_lock_holds_the_runtime_one(root: Path) -> None:
    assert locked(root, "requirements.lock").items() <= locked(root, "requirements-dev.lock").items()
    assert locked(root, "requirements-build.lock").items() <= locked(root, "requirements-dev.lock").items()


def test_the_lock_files_fit_what_the_project_asks_for(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    runtime = [*project["project"]["dependencies"], *(line for extra in extras.values() for line in extra)]
    for name, lines in (
        ("requirements.lock", runtime),
        ("requirements-dev.lock", [*runtime, *project["dependency-groups"]["dev"]]),
        ("requirements-build.lock", project["dependency-groups"]["build"]),
        ("requirements-mcp1.lock", project["dependency-groups"]["mcp1"]),
    ):
        versions = locked(root, name)
        for requirement in map(Requirement, lines):
            if requirement.name != "toolgate":
                assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_the_node_lock_file_names_no_registry_and_has_a_hash_for_everything(root: Path) -> None:
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    assert len(packages) > 50
    for path, package in packages.items():
        assert "resolved" not in package
        assert path == "" or package["integrity"].startswith("sha512-")


def test_the_image_gets_every_file_it_copies(root: Path) -> None:
    ignored = (root / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    allowed = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    copied = [
        source
        for line in (root / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    ]
    assert sorted(copied) == sorted(allowed)
    assert all((root / source).exists() for source in copied)


def test_every_make_target_explains_itself(root: Path) -> None:
    shown = subprocess.run(
        ["make", "--silent", "help"], cwd=root, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    helped = set(re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert helped == set(phony[1].split()) - {
        "python",
        "node",
        "glewlwyd",
        "haproxy",
        "docker-registry",
        "postgresql",
        "mariadb-server-core",
    }


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (None, "no `the-python`: install Python 3.11 or newer"),
        ("exit 1", "Python 3.11 or newer is needed: make PYTHON="),
        ('case "$2" in *venv*) exit 1;; esac', "cannot make virtual environments: apt-get install python3-venv"),
    ],
)
def test_make_says_what_a_machine_lacks(root: Path, tmp_path: Path, script: str | None, told: str) -> None:
    if script is not None:
        python = tmp_path / "the-python"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"  # noqa: TID251 - the process's own
    done = subprocess.run(
        ["make", "--silent", "python", "PYTHON=the-python"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": path},
    )
    assert done.returncode == 2
    assert told in done.stdout
