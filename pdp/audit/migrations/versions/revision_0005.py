"""The tables of version 5: each record once, as its canonical bytes; runs; checkpoints."""

import uuid
from typing import Any, Final

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

from pdp.audit.migrations.conversion import OLD_CONFLICTS, OLD_TABLES, convert

revision: Final = "0005"
down_revision: Final = "0004"

_SHORT: Final = 256

_MYSQL: Final = ("mysql", "mariadb")
# As bytes compare: names that differ in case, in accents or by a space at the end are different names.
_ENGINE: Final = {
    f"{dialect}_{option}": value
    for dialect in _MYSQL
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"))
}


def _counter(name: str) -> sa.Column[Any]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, primary_key=True, autoincrement=True)


def _number(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, primary_key=primary_key, autoincrement=False)


def _text(name: str, length: int = _SHORT, *, nullable: bool = True, primary_key: bool = False) -> sa.Column[Any]:
    kind = sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
    return sa.Column(name, kind, nullable=nullable, primary_key=primary_key)


def _digest(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(32).with_variant(mysql.VARBINARY(32), *_MYSQL), nullable=nullable)


def _content() -> sa.Column[Any]:
    return sa.Column("content", sa.LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL), nullable=False)


def upgrade() -> None:
    """Make the tables, move what is in those of version 4 to them, and drop those."""
    is_new_kind = op.get_bind().dialect.name in _MYSQL
    if not is_new_kind:
        op.rename_table("conflicts", OLD_CONFLICTS.name)
    _create_runs()
    _create_records()
    _create_evidence()
    bind, about = op.get_bind(), sa.table("about", sa.column("log"), sa.column("probes"))
    if bind.execute(sa.select(about)).first() is None:
        bind.execute(sa.insert(about).values(log=str(uuid.uuid4()), probes=0))
    if not is_new_kind:
        attributes = context.config.attributes
        convert(bind, attributes["converted"], progress=attributes["progress"])
        for table in OLD_TABLES:
            op.drop_table(table.name)


def _create(name: str, *parts: Any, **options: Any) -> None:
    # What MariaDB made of an upgrade that was interrupted is there already: it has no transactions for tables.
    is_partial = op.get_bind().dialect.name in _MYSQL
    # A position that was given once is never given again, whatever is moved to archives.
    is_counted = any(isinstance(part, sa.Column) and part.autoincrement is True for part in parts)
    op.create_table(name, *parts, if_not_exists=is_partial, sqlite_autoincrement=is_counted, **_ENGINE, **options)


def _create_runs() -> None:
    _create("about", _text("log", 36, nullable=False, primary_key=True), _number("probes"))
    _create(
        "runs",
        _counter("run"),
        _text("writer", nullable=False),
        _text("boot", nullable=False),
        _digest("previous", nullable=True),
        _number("sequence"),
        _digest("digest"),
        _number("records"),
        _number("announced", nullable=True),
        _number("heard", nullable=True),
        sa.UniqueConstraint("writer", "boot", name="runs_name"),
    )


def _create_records() -> None:
    is_partitioned = op.get_bind().dialect.name == "postgresql"
    arrived = _number("arrived", primary_key=is_partitioned)
    options = {"postgresql_partition_by": "RANGE (arrived)"} if is_partitioned else {}
    _create(
        "records",
        _counter("position"),
        arrived,
        _number("run"),
        _number("sequence"),
        _digest("digest"),
        _content(),
        _text("kind", 16, nullable=False),
        _number("time"),
        *(_text(name) for name in ("effect", "reason_code", "method", "server", "tool", "principal")),
        *(_text(name) for name in ("principal_name", "actor", "decision", "state")),
        **options,
    )
    _index("records_run", "run", "sequence")
    _index("records_time", "time")
    _index("records_kind", "kind", "time", where=sa.text("kind NOT IN ('decision', 'outcome')"))
    _index("records_principal", "principal_name", "time", where=_given("principal_name"))
    _index("records_tool", "tool", "time", where=_given("tool"))
    _index("records_decision", "decision", where=_given("decision"))
    _create(
        "conflicts",
        _counter("position"),
        _number("arrived"),
        _number("run"),
        _number("sequence"),
        _digest("digest"),
        _content(),
        sa.UniqueConstraint("run", "sequence", "digest", name="conflicts_once"),
    )


def _given(name: str) -> sa.ColumnElement[bool]:
    """Most records have no decision, outcomes have neither tool nor principal."""
    return sa.column(name).is_not(None)


def _index(name: str, *columns: str, where: Any = None) -> None:
    """Of the rows that `where` holds for; of all on MariaDB, which has no such indexes."""
    is_partial = op.get_bind().dialect.name in _MYSQL
    op.create_index(name, "records", columns, if_not_exists=is_partial, sqlite_where=where, postgresql_where=where)


def _create_evidence() -> None:
    _create(
        "checkpoints",
        _number("number", primary_key=True),
        *(_number(name) for name in ("first", "last", "count", "made")),
        sa.Column("envelope", sa.Text().with_variant(mysql.LONGTEXT(), *_MYSQL), nullable=False),
    )
    _create("exports", _text("target", nullable=False, primary_key=True), _number("number"))
    _create("archived", *(_number(name, primary_key=True) for name in ("run", "first")), _number("last"))
    _create(
        "archives",
        _text("archive", nullable=False, primary_key=True),
        _digest("digest"),
        *(_number(name) for name in ("first", "last", "count", "made")),
    )
