"""Logs of version 4: one that a program of that version made, and ones as large as a test needs."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, insert

from pdp.audit.migrations import version_4
from pdp.audit.sqlite import APPLICATION_ID
from pdp.core.contract.digest import digest
from pdp.core.contract.record import Record
from tests.conftest import ROOT

NEW = frozenset(
    {
        *("version", "previous", "issuer", "roles", "tenant", "attributes", "mapping", "delegation", "scopes"),
        *("obligation_states", "decision_us", "decided_at", "withheld", "left_out", "not_replayable"),
        *("upstream_error", "upstream_failure"),
    }
)
"""Members that records did not have."""
_TABLES = {
    "decision": version_4.decisions,
    "outcome": version_4.outcomes,
    "drift": version_4.drifts,
    "comparison": version_4.comparisons,
}


def made_by_version_4() -> dict[str, Any]:
    """The schema and the rows of a log that the last program of version 4 made of hostile records."""
    found: dict[str, Any] = json.loads((ROOT / "tests/data/log-version-4.json").read_text())
    return found


def restore(path: Path) -> None:
    """Make that log again in the file at `path`."""
    made = made_by_version_4()
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in made["schema"]:
            connection.execute(statement)
        for table, rows in made["rows"].items():
            marks = ", ".join("?" * len(rows["columns"]))
            names = ", ".join(f'"{name}"' for name in rows["columns"])
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows["values"])
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 4")
    path.chmod(0o600)


def members_of(record: Record) -> dict[str, Any]:
    """`record` as version 4 digested it: every member that there was, spelled out."""
    every = {name: msgspec.to_builtins(getattr(record, name)) for name in record.__struct_fields__ if name not in NEW}
    return every | {"kind": record.__struct_config__.tag}


def append_as_version_4(connection: Connection, records: Sequence[Record]) -> None:
    """Insert `records` as a program of version 4 did."""
    for record in records:
        members = members_of(record)
        row = {**members, "content_digest": digest(members)}
        kind = row.pop("kind")
        if kind == "decision":
            row["principal_name"] = None if row["principal"] is None else row["principal"].partition("|")[2]
        connection.execute(insert(_TABLES[kind]).values(**row))
