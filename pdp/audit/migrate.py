"""Making the tables of a log, and converting those of an older version; all within the caller's transaction."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from pdp.audit.versions import HEAD

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many records are converted, and of how many."""

DIRECTORY: Final = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, *, start: str | None = None, progress: Progress = lambda *_: None) -> None:
    """Bring the log in the database of `connection` to the newest version.

    `start` is its revision where the database does not say it.
    """
    config = Config()
    config.set_main_option("script_location", str(DIRECTORY).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["progress"] = progress
    if start is not None:
        command.stamp(config, start)
    command.upgrade(config, HEAD)
