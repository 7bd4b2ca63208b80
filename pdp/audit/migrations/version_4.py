"""The tables of version 4, as logs of that version have them."""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata: Final = MetaData()


def _json(name: str) -> Column[Any]:
    return Column(name, JSON(none_as_null=True))


def _record_columns() -> list[Column[Any]]:
    return [
        Column("position", Integer, primary_key=True, autoincrement=True),
        Column("id", String, nullable=False),
        Column("time", String, nullable=False),
        Column("writer", String, nullable=False),
        Column("boot", String, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("detail", Text),
        Column("content_digest", String, nullable=False),
    ]


def _reason_code() -> Column[Any]:
    return Column("reason_code", String, nullable=False)


decisions: Final = Table(
    "decisions",
    metadata,
    *_record_columns(),
    _reason_code(),
    Column("latency_us", BigInteger, nullable=False),
    Column("effect", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("transport", String, nullable=False),
    Column("method", String),
    Column("server", String),
    Column("tool", String),
    Column("principal_type", String),
    Column("principal", String),
    Column("principal_name", String, comment="`principal` without the issuer's alias"),
    _json("groups"),
    Column("actor", String),
    Column("session", String),
    Column("request_id", String),
    Column("trace_id", String),
    Column("client_ip", String),
    Column("decision_id", String),
    _json("policies"),
    _json("errors"),
    _json("obligations"),
    Column("generation", BigInteger, nullable=False),
    Column("bundle", String),
    Column("schema_digest", String),
    Column("offered_digest", String),
    _json("arguments"),
    Column("arguments_digest", String),
    _json("shown"),
    UniqueConstraint("writer", "boot", "sequence", name="decisions_position"),
    Index("decisions_time", "time"),
    Index("decisions_principal", "principal", "time"),
    Index("decisions_principal_name", "principal_name", "time"),
    Index("decisions_tool", "tool", "server", "time"),
    sqlite_autoincrement=True,
)

outcomes: Final = Table(
    "outcomes",
    metadata,
    *_record_columns(),
    _reason_code(),
    Column("latency_us", BigInteger, nullable=False),
    Column("decision", String, nullable=False),
    Column("fate", String, nullable=False),
    Column("result_digest", String),
    Column("result_bytes", BigInteger),
    UniqueConstraint("writer", "boot", "sequence", name="outcomes_position"),
    Index("outcomes_decision", "decision", "writer"),
    Index("outcomes_time", "time"),
    sqlite_autoincrement=True,
)

drifts: Final = Table(
    "drifts",
    metadata,
    *_record_columns(),
    _reason_code(),
    Column("server", String, nullable=False),
    Column("tool", String),
    Column("state", String, nullable=False),
    Column("approved", String),
    Column("offered", String),
    Column("twin", String),
    Column("count", BigInteger, nullable=False),
    UniqueConstraint("writer", "boot", "sequence", name="drifts_position"),
    Index("drifts_time", "time"),
    Index("drifts_tool", "tool", "server", "time"),
    sqlite_autoincrement=True,
)

comparisons: Final = Table(
    "comparisons",
    metadata,
    *_record_columns(),
    Column("generation", BigInteger, nullable=False),
    Column("bundle", String, nullable=False),
    Column("shadow", String, nullable=False),
    Column("percent", Float, nullable=False),
    Column("since", String, nullable=False),
    Column("compared", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("incomparable", BigInteger, nullable=False),
    Column("different", BigInteger, nullable=False),
    _json("changes"),
    _json("differences"),
    UniqueConstraint("writer", "boot", "sequence", name="comparisons_position"),
    Index("comparisons_time", "time"),
    sqlite_autoincrement=True,
)

conflicts: Final = Table(
    "conflicts",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=True),
    Column("writer", String, nullable=False),
    Column("boot", String, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("content_digest", String, nullable=False),
    _json("content"),
    UniqueConstraint("writer", "boot", "sequence", "content_digest", name="conflicts_content"),
    sqlite_autoincrement=True,
)

probes: Final = Table("probes", metadata, Column("id", Integer, primary_key=True), Column("count", BigInteger))
