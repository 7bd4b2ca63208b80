"""The demo's scene: a repository, some files, a configuration; all in one folder."""

import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from pdp.core.contract.errors import UnusableError

_FILES: Final = {
    "public/handbook.md": "# Handbook\n\nAsk before you act.\n",
    "private/salaries.csv": "name,salary\nalice,1\n",
    "drafts/plan.md": "# Plan\n",
    "logs/build.log": "all is well\n",
}
_FILE_SERVER: Final = "mcp-server-filesystem"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where everything is; `has_files` says whether the file server, which needs Node, takes part."""

    folder: Path
    config: Path
    pdp: str
    gateway: str
    has_files: bool


def set_scene(folder: Path, *, repository: Path) -> Scene:
    """Lay out `folder` for the policies of `repository`; what is there already stays.

    Raises:
        UnusableError: a program or the policy repository is missing; says what to do.

    """
    for part in ("policies", "schemas"):
        if not (repository / part).is_dir():
            raise UnusableError(f"no `{part}/` in `{repository}`: run the demo where the policy repository is")
    folder.mkdir(parents=True, exist_ok=True)
    _write_files(folder / "files")
    _write_repository(folder / "repositories" / "demo")
    file_server = _file_server(repository)
    pdp, gateway = _port(8181), _port(8080)
    config = folder / "toolgate.yaml"
    text = yaml.safe_dump(_settings(repository.resolve(), pdp, gateway, file_server), sort_keys=False)
    config.write_text("# written by `toolgate demo`\n" + text, encoding="utf-8")
    return Scene(folder, config, f"http://{pdp}", f"http://{gateway}/mcp", file_server is not None)


def _settings(repository: Path, pdp: str, gateway: str, file_server: Path | None) -> dict[str, object]:
    servers: dict[str, object] = {
        # its schema names the local time zone, so the approved one holds for this zone alone
        "time": {"command": _program("mcp-server-time"), "args": ["--local-timezone", "Etc/UTC"]},
        "git": {"command": _program("mcp-server-git"), "cwd": "repositories"},
    }
    if file_server is not None:
        servers["files"] = {"command": str(file_server), "args": ["."], "cwd": "files"}
    return {
        "version": 1,
        "pdp": {
            "listen": pdp,
            "policies": str(repository / "policies"),
            "schemas": str(repository / "schemas"),
        },
        "identity": {"unsafe_dev_issuer": {"audience": f"http://{gateway}/mcp"}},
        "gateway": {"listen": gateway, "pdp": [f"http://{pdp}"]},
        "mcpServers": servers,
    }


def _write_files(root: Path) -> None:
    for name, text in _FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text, encoding="utf-8")


def _write_repository(root: Path) -> None:
    if (root / ".git").is_dir():
        return
    root.mkdir(parents=True, exist_ok=True)
    (root / "README.md").write_text("# Demo\n", encoding="utf-8")
    identity = ("-c", "user.name=Demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgsign=false")
    _git(root, "init", "--quiet", "--initial-branch=main")
    _git(root, "add", "README.md")
    _git(root, *identity, "commit", "--quiet", "--message", "Start the demo repository")


def _git(root: Path, *arguments: str) -> None:
    try:
        command = ["git", "-C", str(root), *arguments]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - arguments of our own
    except FileNotFoundError as error:
        raise UnusableError("the demo's repository needs `git`: apt-get install git") from error
    except subprocess.CalledProcessError as error:
        raise UnusableError(f"`git {arguments[0]}` failed in `{root}`: {error.stderr.decode().strip()}") from error


def _program(name: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise UnusableError(f"the demo needs `{name}`: pip install {name}")
    return str(path)


def _file_server(repository: Path) -> Path | None:
    path = repository / "node_modules" / ".bin" / _FILE_SERVER
    return path.resolve() if path.exists() else None


def _port(wanted: int) -> str:
    """An address on loopback: the wanted port where it is free, any other otherwise."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"127.0.0.1:{probe.getsockname()[1]}"
    raise UnusableError("no free port on 127.0.0.1")
