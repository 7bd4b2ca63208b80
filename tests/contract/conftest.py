"""What contract tests may ask for."""

from pathlib import Path

import pytest

from tests.contract.log_places import KINDS, LogPlace, server_place, sqlite_place


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LogPlace:
    """An empty place for a decision log, of each kind."""
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return server_place(request.param, request.getfixturevalue(request.param))
