"""The monthly partitions of the table `records` on PostgreSQL, by when records arrived."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, text

_LISTED: Final = text(
    "SELECT child.relname, child.reltuples::bigint FROM pg_inherits"
    " JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = to_regclass('records') ORDER BY 1"
)
_NAME: Final = re.compile(r"records_(\d{4})_(\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, unix_milliseconds: int) -> "Month":
        """The month of a time."""
        moment = datetime.fromtimestamp(unix_milliseconds / 1000, UTC)
        return cls(moment.year, moment.month)

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def start(self) -> int:
        """Its first millisecond, in Unix time."""
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * 1000

    @property
    def table(self) -> str:
        """The name of its partition."""
        return f"records_{self.year:04}_{self.month:02}"


@dataclass(frozen=True, slots=True)
class Partition:
    """The partition of `month`, with about so many `rows`; -1 where PostgreSQL has not counted yet."""

    month: Month
    rows: int


def partitions(connection: Connection) -> list[Partition]:
    """The partitions that there are, the oldest first."""
    found = []
    for name, rows in connection.execute(_LISTED):
        match = _NAME.fullmatch(name)
        if match is not None:
            found.append(Partition(Month(int(match[1]), int(match[2])), rows))
    return found


def create_partition(connection: Connection, month: Month) -> None:
    """Make the partition of `month` unless there is one; nobody else may append or make one meanwhile."""
    bounds = f"FROM ({month.start}) TO ({month.next.start})"
    connection.execute(text(f"CREATE TABLE IF NOT EXISTS {month.table} PARTITION OF records FOR VALUES {bounds}"))


def highest_position(connection: Connection, month: Month) -> int | None:
    """The position of the last record in the partition of `month`, None where it is empty."""
    found: int | None = connection.execute(text(f"SELECT max(position) FROM {month.table}")).scalar_one()  # noqa: S608
    return found


def drop_partition(connection: Connection, month: Month) -> None:
    """Drop the partition of `month` with all that is in it."""
    connection.execute(text(f"DROP TABLE {month.table}"))
