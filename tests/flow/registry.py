"""Debian's docker-registry in a process of its own: open, with passwords, or with tokens."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT
from tests.flow.identity.scene import free_port
from tests.flow.product import DEADLINE, stop, until

INSTALL = "apt-get update, then make setup"
USER = "carol"
PASSWORD = "a-password-of-carol"

_EXTRACTED = ROOT / ".docker-registry" / "usr/bin/docker-registry"
_HTPASSWD = f"{USER}:$2b$04$Qo9QdMBg.2Mah.QF5bs/aOB6/z5AiSGsHONSdP5DVItx.lvP4uLUK\n"


@dataclass(frozen=True)
class RunningRegistry:
    """A running registry, and where it keeps what it has."""

    port: int
    storage: Path
    log: Path

    def repository(self, name: str = "policies/bundles") -> str:
        return f"oci+http://127.0.0.1:{self.port}/{name}"

    def requests(self) -> list[str]:
        """What it was asked so far, method and path; the helper's own question is left out."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        done = [line for line in lines if line.get("msg", "").startswith("response completed")]
        return [f"{line['http.request.method']} {line['http.request.uri']}" for line in done][1:]

    def blob_file(self, digest: str) -> Path:
        """The file with a blob."""
        hexed = digest.removeprefix("sha256:")
        return self.storage / "docker/registry/v2/blobs/sha256" / hexed[:2] / hexed / "data"


def program() -> Path | None:
    """What `make setup` extracted, or the machine's own."""
    own = shutil.which("docker-registry")
    return _EXTRACTED if _EXTRACTED.exists() else None if own is None else Path(own)


def passwords(folder: Path) -> Mapping[str, Any]:
    """The configuration of a registry that asks for carol's password."""
    file = folder / "htpasswd"
    file.write_text(_HTPASSWD)
    return {"htpasswd": {"realm": "registry", "path": str(file)}}


@contextlib.contextmanager
def registry(folder: Path, *, auth: Mapping[str, Any] | None = None, deletes: bool = True) -> Iterator[RunningRegistry]:
    """A registry on a free port, ended with the block."""
    found = program()
    assert found is not None
    made = RunningRegistry(free_port(), folder / "registry", folder / "registry.log")
    config = {
        "version": 0.1,
        "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(made.storage)},
            "delete": {"enabled": deletes},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"127.0.0.1:{made.port}"},
        "auth": auth,
    }
    file = folder / "registry.json"  # JSON is YAML
    file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    with made.log.open("wb") as sink:
        process = subprocess.Popen(
            [found, "serve", file], stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: _answers(made.port, process), why=made.log.read_text)
        yield made
    finally:
        stop(process)


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"ended with {process.returncode}"
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/v2/", timeout=DEADLINE).status_code in {200, 401}
    return False
