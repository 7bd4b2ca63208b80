"""Making the tables of a log, and converting those of an older version; all within the caller's transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import Connection

from pdp.audit.versions import HEAD


@dataclass(slots=True)
class Converted:
    """How far a conversion is: `done` of `total` records; `altered` of them do not match their digest."""

    total: int = 0
    done: int = 0
    altered: int = 0
    conflicts: int = 0


Progress: TypeAlias = Callable[[Converted], None]
"""Is told how far a conversion is, again and again."""

DIRECTORY: Final = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, *, start: str | None = None, progress: Progress | None = None) -> Converted:
    """Bring the log in the database of `connection` to the newest version; what was converted.

    `start` is its revision where the database does not say it.
    """
    # Loaded where it is needed: it takes longer than most commands that only look at a log.
    command, config = import_module("alembic.command"), import_module("alembic.config").Config()
    config.set_main_option("script_location", str(DIRECTORY).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["converted"] = converted = Converted()
    config.attributes["progress"] = progress
    if start is not None:
        command.stamp(config, start)
    command.upgrade(config, HEAD)
    return converted
