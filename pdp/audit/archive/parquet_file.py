"""One archive: a Parquet file whose rows are records in the order of their arrival, each batch ended by its checkpoint.

The bytes of a record are in `content`, as the log had them; the other columns are for whoever asks the file with
tools of their own. A row of kind `checkpoint` has the signed envelope in `content`.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from pdp.audit.tables import FOUND_BY
from pdp.core.contract.errors import UnusableError

CHECKPOINT: Final = "checkpoint"
ROWS: Final = 10_000
"""Rows that are held at once, and are one row group."""
MAX_ROW_BYTES: Final = 4 * 1024 * 1024
"""The most that the content of one row may have."""

FORMAT: Final = "1"
_FORMAT: Final = b"toolgate.format"
_LOG: Final = b"toolgate.log"
_FIRST: Final = b"toolgate.first"
_LAST: Final = b"toolgate.last"

_NAME: Final = pa.dictionary(pa.int32(), pa.string())
_TIME: Final = pa.timestamp("ms", tz="UTC")
_KINDS: Final = {"time": _TIME, "decision": pa.string()}
_OTHERS: Final = tuple(name for name in FOUND_BY if name != "kind")
SCHEMA: Final = pa.schema(
    [
        pa.field("kind", _NAME, nullable=False),
        pa.field("position", pa.int64()),
        pa.field("arrived", _TIME, nullable=False),
        pa.field("writer", _NAME),
        pa.field("boot", _NAME),
        pa.field("sequence", pa.int64()),
        pa.field("digest", pa.binary(32)),
        pa.field("content", pa.binary(), nullable=False),
        *(pa.field(name, _KINDS.get(name, _NAME)) for name in _OTHERS),
    ]
)


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record as the log had it; `arrived` is Unix milliseconds, `found_by` the values of `tables.FOUND_BY`."""

    position: int
    arrived: int
    writer: str
    boot: str
    sequence: int
    digest: bytes
    content: bytes
    found_by: Sequence[Any]


@dataclass(frozen=True, slots=True)
class ArchivedCheckpoint:
    """The checkpoint after the records that it covers; `made` is Unix milliseconds, `envelope` DSSE in JSON."""

    made: int
    envelope: bytes


Row: TypeAlias = ArchivedRecord | ArchivedCheckpoint


@dataclass(frozen=True, slots=True)
class Extent:
    """Which checkpoints of which log an archive has."""

    log: str
    first: int
    last: int


def write_archive(path: Path, rows: Iterable[Row], *, extent: Extent) -> int:
    """Write `rows` to the new file `path`, flushed to the disk; returns how many records they were.

    Raises:
        UnusableError: it exists, or cannot be written.

    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            count = _write(file, rows, extent)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UnusableError(f"the archive `{path}` cannot be written: {error.strerror or error}") from error
    return count


def _write(file: Any, rows: Iterable[Row], extent: Extent) -> int:
    count = 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        held: list[dict[str, Any]] = []
        for row in rows:
            count += isinstance(row, ArchivedRecord)
            held.append(_written(row))
            if len(held) >= ROWS:
                writer.write_table(pa.Table.from_pylist(held, schema=SCHEMA))
                held.clear()
        if held:
            writer.write_table(pa.Table.from_pylist(held, schema=SCHEMA))
        writer.add_key_value_metadata(
            {_FORMAT: FORMAT, _LOG: extent.log, _FIRST: str(extent.first), _LAST: str(extent.last)}
        )
    return count


def _written(row: Row) -> dict[str, Any]:
    match row:
        case ArchivedRecord():
            return {
                "position": row.position,
                "arrived": row.arrived,
                "writer": row.writer,
                "boot": row.boot,
                "sequence": row.sequence,
                "digest": row.digest,
                "content": row.content,
                **dict(zip(FOUND_BY, row.found_by, strict=True)),
            }
        case ArchivedCheckpoint():
            return {"kind": CHECKPOINT, "arrived": row.made, "content": row.envelope}


class Archive:
    """An archive that is read; nothing that stands in it is believed.

    Raises:
        UnusableError: it cannot be read, or is no archive.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._reading():
            self._file = pq.ParquetFile(path, memory_map=False)
            if self._file.schema_arrow.remove_metadata() != SCHEMA.remove_metadata():
                raise UnusableError(f"`{path}` is no archive of a decision log: it has other columns")
            told = self._file.metadata.metadata or {}
            if told.get(_FORMAT) != FORMAT.encode("ascii"):
                raise UnusableError(f"`{path}` is no archive that this program reads")
            self.extent = Extent(told[_LOG].decode("ascii"), int(told[_FIRST]), int(told[_LAST]))

    def rows(self) -> Iterator[Row]:
        """What is in it, in order.

        Raises:
            UnusableError: it cannot be read to its end.

        """
        with self._reading():
            for batch in self._file.iter_batches(batch_size=ROWS // 10):
                for row in _plain(batch):
                    yield self._row(row)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _row(self, row: dict[str, Any]) -> Row:
        content, arrived = row["content"], row["arrived"]
        if content is None or arrived is None or len(content) > MAX_ROW_BYTES:
            raise UnusableError(f"the archive `{self._path}` has a row that nobody wrote so")
        if row["kind"] == CHECKPOINT:
            return ArchivedCheckpoint(arrived, content)
        needed = {name: row[name] for name in ("position", "writer", "boot", "sequence", "digest")}
        if None in needed.values():
            raise UnusableError(f"the archive `{self._path}` has a record without its position")
        found_by = tuple(row[name] for name in FOUND_BY)
        return ArchivedRecord(arrived=arrived, content=content, found_by=found_by, **needed)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, KeyError, ValueError, OverflowError, MemoryError) as error:
            raise UnusableError(f"the archive `{self._path}` cannot be read: {type(error).__name__}") from error
        except OSError as error:
            raise UnusableError(f"the archive `{self._path}` cannot be read: {error.strerror or 'damaged'}") from error


def _plain(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of `batch`, times as Unix milliseconds."""
    columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        columns[name] = (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
    names, values = list(columns), list(columns.values())
    for row in zip(*values, strict=True):
        yield dict(zip(names, row, strict=True))
