"""The tables of the decision log, for any SQL database, and how records become rows.

A record is kept as its canonical bytes; the other columns of `records` are there to find it, and hold nothing that
the bytes do not say. What makes the tables are the migrations beside this module, which alone know how databases
differ: on PostgreSQL `records` is partitioned by the month of `arrived`.
"""

from typing import Any, Final, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    column,
    text,
)

from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.identifier import unix_seconds
from pdp.core.contract.record import DecisionRecord, DriftRecord, OutcomeRecord, ReadingRecord, Record
from pdp.core.contract.sealed import Sealed

SHORT: Final = 256
"""Characters of a name that are looked for; what is longer is told apart by the record itself."""
_HEX: Final = len("sha256:")

metadata: Final = MetaData()

_Counter = BigInteger().with_variant(Integer, "sqlite")


def _short(name: str) -> Column[Any]:
    return Column(name, String(SHORT))


def _index_of_given(name: str, *columns: str) -> Index:
    """Of rows that have it alone: most have no decision, outcomes have neither tool nor principal."""
    is_given = column(columns[0]).is_not(None)
    return Index(name, *columns, sqlite_where=is_given, postgresql_where=is_given)


OFTEN: Final = ("decision", "outcome")
"""The kinds that most records are of."""
RARE: Final = f"kind NOT IN {OFTEN}"
"""That a record is of another kind: written the same in the index and in questions, as databases compare the two."""

_NAMES: Final = {
    "records_principal": ("principal_name", "time"),
    "records_tool": ("tool", "time"),
    "records_decision": ("decision",),
}

about: Final = Table(
    "about",
    metadata,
    Column("log", String(36), primary_key=True, comment="the UUID of this log, made with it"),
    Column("probes", BigInteger, nullable=False),
)
"""One row: which log this is."""

runs: Final = Table(
    "runs",
    metadata,
    Column("run", _Counter, primary_key=True, autoincrement=True),
    Column("writer", String(SHORT), nullable=False),
    Column("boot", String(SHORT), nullable=False),
    Column("previous", LargeBinary(32), comment="the digest that its first record names, of another run's last"),
    Column("sequence", BigInteger, nullable=False, comment="the highest that came"),
    Column("digest", LargeBinary(32), nullable=False, comment="of the record with it"),
    Column("records", BigInteger, nullable=False, comment="how many came, archived ones included"),
    Column("announced", BigInteger, comment="the highest that its writer said it has"),
    Column("heard", BigInteger, comment="when it said so, Unix milliseconds"),
    UniqueConstraint("writer", "boot", name="runs_name"),
)
"""One run of one writer. As sequences count from 1, records are missing where `records` is less than `sequence`."""

records: Final = Table(
    "records",
    metadata,
    Column("position", _Counter, primary_key=True, autoincrement=True),
    Column("arrived", BigInteger, nullable=False, comment="Unix milliseconds, by the clock of who put it here"),
    Column("run", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("content", LargeBinary, nullable=False, comment="canonical JSON"),
    Column("kind", String(16), nullable=False),
    Column("time", BigInteger, nullable=False, comment="Unix milliseconds, by its writer's clock"),
    _short("effect"),
    _short("reason_code"),
    _short("method"),
    _short("server"),
    _short("tool"),
    _short("principal"),
    Column("principal_name", String(SHORT), comment="`principal` without the issuer's alias, where it has one"),
    _short("actor"),
    Column("decision", String(SHORT), comment="of an outcome: the decision record's id"),
    _short("state"),
    Index("records_run", "run", "sequence"),
    Index("records_time", "time"),
    Index("records_kind", "kind", "time", sqlite_where=text(RARE), postgresql_where=text(RARE)),
    *(_index_of_given(name, *columns) for name, columns in _NAMES.items()),
)
"""Every record in the order of its arrival; an alarm's other content is in `conflicts`."""

conflicts: Final = Table(
    "conflicts",
    metadata,
    Column("position", _Counter, primary_key=True, autoincrement=True),
    Column("arrived", BigInteger, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("run", "sequence", "digest", name="conflicts_once"),
)
"""Records that came under a number that another content has."""

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False, comment="position of the first record that it covers, 0 for none"),
    Column("last", BigInteger, nullable=False, comment="of the last"),
    Column("count", BigInteger, nullable=False, comment="how many it covers"),
    Column("made", BigInteger, nullable=False, comment="Unix milliseconds"),
    Column("envelope", Text, nullable=False, comment="the signed statement, a DSSE envelope in JSON"),
)
"""What was signed of the records, in order; a record is covered by at most one."""

exports: Final = Table(
    "exports",
    metadata,
    Column("target", String(SHORT), primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""The last checkpoint that each place outside has got."""

archives: Final = Table(
    "archives",
    metadata,
    Column("archive", String(SHORT), primary_key=True, comment="the name of its file"),
    Column("digest", LargeBinary(32), nullable=False),
    Column("first", BigInteger, nullable=False, comment="number of the first checkpoint in it"),
    Column("last", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False, comment="how many records"),
    Column("made", BigInteger, nullable=False),
)
"""What was moved out of `records`."""

archived: Final = Table(
    "archived",
    metadata,
    Column("run", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)
"""The sequences of each run that are in archives, by stretches: what is repeated of them is known."""


def digest_bytes(digest: str) -> bytes:
    """The 32 bytes of `sha256:...`."""
    return bytes.fromhex(digest[_HEX:])


def digest_text(content: bytes) -> str:
    """`sha256:...` of 32 bytes."""
    return f"sha256:{content.hex()}"


def short(name: str | None) -> str | None:
    """`name` as a column to look for has it: cut, and without what not every database takes."""
    if name is None:
        return None
    cut = name if len(name) <= SHORT else name[:SHORT]
    return cut.replace("\0", "\ufffd") if "\0" in cut else cut


def milliseconds(time: str) -> int:
    """The Unix milliseconds of an RFC 3339 time."""
    return round(unix_seconds(time) * 1000)


Columns: TypeAlias = tuple[str | int | None, ...]
"""The values of `FOUND_BY`."""


def columns_of(record: Record) -> Columns:
    """What `record` is found by: a value for each of `FOUND_BY`.

    Raises:
        ValueError: its time is none.

    """
    time = milliseconds(record.time)
    match record:
        case DecisionRecord(principal=principal):
            return (
                "decision",
                time,
                record.effect.value,
                record.reason_code.value,
                short(record.method),
                short(record.server),
                short(record.tool),
                short(principal),
                None if principal is None else short(without_alias(principal)),
                short(record.actor),
                None,
                None,
            )
        case OutcomeRecord():
            reason = record.reason_code.value
            return ("outcome", time, None, reason, None, None, None, None, None, None, short(record.decision), None)
        case DriftRecord():
            reason, server, tool = record.reason_code.value, short(record.server), short(record.tool)
            return ("drift", time, None, reason, None, server, tool, None, None, None, None, record.state.value)
        case ComparisonRecord():
            return ("comparison", time, *_NOTHING, short(record.shadow))
        case ReadingRecord():
            return ("reading", time, *_NOTHING[:-2], short(record.reader), None, None)


def found_by(sealed: Sealed) -> dict[str, Any]:
    """The columns of `records` that a record is found by; all of them, whatever its kind.

    Raises:
        ValueError: its time is none.

    """
    return dict(zip(FOUND_BY, columns_of(sealed.record), strict=True))


def without_alias(name: str) -> str:
    """The id `name` without the issuer's alias before it, where it has one."""
    alias, bar, rest = name.partition("|")
    return rest if bar else alias


FOUND_BY: Final = (
    "kind",
    "time",
    "effect",
    "reason_code",
    "method",
    "server",
    "tool",
    "principal",
    "principal_name",
    "actor",
    "decision",
    "state",
)
_NOTHING: Final = (None,) * 9
