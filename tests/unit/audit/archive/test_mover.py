"""What is old moves to archives and stays provable; what is not as it was signed stays where it is."""

from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pdp.audit.archive.mover import Mover, archives_in
from pdp.audit.archive.parquet_file import Archive, ArchivedCheckpoint, ArchivedRecord
from pdp.audit.archive.plan import parts_of
from pdp.audit.archive.whole_log import ArchivesAlone, Shelf, WholeLog
from pdp.audit.evidence.evidence_source import EvidenceSource
from pdp.audit.evidence.finding import Damage
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.statement import EvidenceError
from pdp.audit.evidence.verify import Report, Verification
from pdp.audit.log_database import Hold
from pdp.audit.query import Query
from pdp.audit.sql_store import SqlReader
from pdp.core.bundle.key import KeyPair
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.sealed import seal, unseal
from pdp.database.sqlite_file import Access
from tests.unit.audit.evidence.scene import KEY, OTHER_KEY, Scene, Writer
from tests.unit.audit.sample import HOSTILE, outcome

DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "archives"
    path.mkdir()
    return path


def mover(scene: Scene, folder: Path, *, key: KeyPair = KEY) -> Mover:
    reader, writer = scene.open(Access.READ), scene.open(Access.WRITE)
    return Mover(reader, writer, folder=folder, trusted={key.public.id: key.public})


def filled(scene: Scene) -> Writer:
    """Three days with 25 records each, by two boots of one writer, checkpoints of 10, and 4 records more."""
    writer = Writer()
    for day in range(3):
        scene.put(writer.write(25))
        scene.checkpointer.make()
        scene.hands.now += DAY
        if day == 1:
            writer.restart("b2")
    scene.put(writer.write(4))
    return writer


def move_old(scene: Scene, folder: Path, *, days: float) -> list[Path]:
    moving = mover(scene, folder)
    now = int(scene.hands.now * 1000)
    parts = moving.plan(before=now - int(days * DAY * 1000))
    return [moving.move(part, made=now).path for part in parts]


def verify(source: EvidenceSource) -> Report:
    return Verification(source, trusted={KEY.public.id: KEY.public}).run()


def verify_whole(scene: Scene, folder: Path) -> Report:
    with scene.reader.transaction(Hold.NOTHING) as connection:
        return verify(WholeLog(Shelf(list(archives_in(folder))), LogSnapshot(connection)))


def test_what_is_old_is_in_an_archive_and_no_more_in_the_log(scene: Scene, folder: Path) -> None:
    filled(scene)
    before = scene.ask("SELECT position, digest, content FROM records ORDER BY position")
    (path,) = move_old(scene, folder, days=1.5)
    rest = scene.ask("SELECT position, digest, content FROM records ORDER BY position")
    rows = list(Archive(path).rows())
    archived = [(row.position, row.digest, row.content) for row in rows if isinstance(row, ArchivedRecord)]
    assert archived + rest == before
    assert len(archived) == 50
    assert [type(row) for row in rows].count(ArchivedCheckpoint) == 6
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_whole_log_is_verified_over_archives_and_store(scene: Scene, folder: Path) -> None:
    filled(scene)
    move_old(scene, folder, days=1.5)
    report = verify_whole(scene, folder)
    assert not report.findings.counts
    assert (report.records, report.checkpoints, report.uncovered, report.unread) == (79, 9, 4, 0)


def test_the_rest_is_verified_without_the_archives(scene: Scene, folder: Path) -> None:
    filled(scene)
    move_old(scene, folder, days=1.5)
    report = scene.verify()
    assert not report.findings.counts
    assert (report.records, report.unread) == (29, 6)


def test_archives_are_verified_without_the_log(scene: Scene, folder: Path) -> None:
    filled(scene)
    move_old(scene, folder, days=0)
    report = verify(ArchivesAlone(Shelf(list(archives_in(folder)))))
    assert not report.findings.counts
    assert (report.records, report.checkpoints) == (75, 9)


def test_a_later_archive_goes_on_where_the_last_one_ended(scene: Scene, folder: Path) -> None:
    filled(scene)
    first, second = *move_old(scene, folder, days=2.5), *move_old(scene, folder, days=1.5)
    assert (Archive(first).extent.last, Archive(second).extent.first) == (3, 4)
    assert not verify_whole(scene, folder).findings.counts
    report = verify(ArchivesAlone(Shelf([second])))
    assert not report.findings.counts, "an archive is whole without those before it"


def test_a_large_part_is_divided_between_batches(scene: Scene, folder: Path) -> None:
    filled(scene)
    batches = [batch for part in mover(scene, folder).plan(before=2**60) for batch in part.batches]
    parts = list(parts_of(batches, most=20))
    assert [part.count for part in parts] == [20, 15, 15, 20, 5]
    assert [batch for part in parts for batch in part.batches] == batches


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(scene: Scene, folder: Path, text: str) -> None:
    writer = Writer()
    written = writer.write(3, tool=text, principal=text, detail=text, arguments={text: text})
    scene.put(written)
    scene.checkpointer.make()
    scene.hands.now += DAY
    (path,) = move_old(scene, folder, days=0.5)
    archived = [unseal(row.content) for row in Archive(path).rows() if isinstance(row, ArchivedRecord)]
    assert archived == written
    assert not verify_whole(scene, folder).findings.counts


def test_the_columns_are_there_for_other_tools(scene: Scene, folder: Path) -> None:
    writer = Writer()
    (one,) = writer.write(1)
    scene.put([one])
    scene.checkpointer.make()
    (path,) = move_old(scene, folder, days=-1)
    table = pq.read_table(path, filters=[("kind", "=", "decision")]).to_pylist()
    (row,) = table
    assert (row["writer"], row["principal"], row["tool"], row["effect"]) == (
        "gateway",
        "corp|alice",
        "git_log",
        "allow",
    )
    assert row["time"].isoformat() == "2026-07-28T09:00:01+00:00"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE records SET content = replace(content, 'alice', 'mallory') WHERE position = 7",
        "UPDATE records SET digest = zeroblob(32) WHERE position = 7",
        "DELETE FROM records WHERE position = 7",
        "UPDATE records SET position = 1000 WHERE position = 7",
        "UPDATE checkpoints SET envelope = replace(envelope, 'payload', 'prolog') WHERE number = 2",
    ],
)
def test_what_is_not_as_it_was_signed_is_not_moved(scene: Scene, folder: Path, damage: str) -> None:
    filled(scene)
    scene.tamper(damage)
    before = scene.ask("SELECT count(*) FROM records")
    with pytest.raises(EvidenceError):
        move_old(scene, folder, days=1.5)
    assert scene.ask("SELECT count(*) FROM records") == before
    assert list(folder.iterdir()) == []
    assert scene.ask("SELECT * FROM archives") == []


def test_what_another_key_has_signed_is_not_moved(scene: Scene, folder: Path) -> None:
    filled(scene)
    moving = mover(scene, folder, key=OTHER_KEY)
    with pytest.raises(EvidenceError, match="no trusted key has signed it"):
        moving.move(moving.plan(before=2**60)[0], made=0)
    assert list(folder.iterdir()) == []


def test_a_move_that_ended_in_between_is_finished_by_the_next(scene: Scene, folder: Path) -> None:
    filled(scene)
    copies = scene.ask("SELECT * FROM records WHERE position <= 50")
    move_old(scene, folder, days=1.5)
    holes = ", ".join(f":c{at}" for at in range(len(copies[0])))
    for row in copies[:20]:
        scene.tamper(f"INSERT INTO records VALUES ({holes})", **{f"c{at}": value for at, value in enumerate(row)})
    mover(scene, folder).finish()
    assert scene.ask("SELECT min(position) FROM records") == [(51,)]
    assert not verify_whole(scene, folder).findings.counts


def test_what_is_in_the_log_again_is_counted(scene: Scene, folder: Path) -> None:
    filled(scene)
    (row,) = scene.ask("SELECT * FROM records WHERE position = 3")
    move_old(scene, folder, days=1.5)
    holes = ", ".join(f":c{at}" for at in range(len(row)))
    scene.tamper(f"INSERT INTO records VALUES ({holes})", **{f"c{at}": value for at, value in enumerate(row)})
    with scene.reader.transaction(Hold.NOTHING) as connection:
        whole = WholeLog(Shelf(list(archives_in(folder))), LogSnapshot(connection))
        verify(whole)
    assert whole.leftover == 1


def test_a_repeated_record_that_is_archived_does_not_come_again(scene: Scene, folder: Path) -> None:
    writer = Writer()
    written = writer.write(25)
    scene.put(written)
    scene.checkpointer.make()
    scene.hands.now += DAY
    move_old(scene, folder, days=0.5)
    scene.put(written[3:7])
    assert scene.ask("SELECT count(*) FROM records") == [(0,)]


def test_queries_go_on_with_what_is_left(scene: Scene, folder: Path) -> None:
    filled(scene)
    move_old(scene, folder, days=1.5)
    found = SqlReader(scene.reader).find(Query(limit=1000))
    assert len(found) == 29


def archive_table(path: Path) -> tuple[pa.Table, dict[bytes, bytes]]:
    table = pq.read_table(path)
    return table, dict(pq.ParquetFile(path).metadata.metadata)


def rewrite(path: Path, rows: list[dict[str, object]], told: dict[bytes, bytes], schema: pa.Schema) -> None:
    table = pa.Table.from_pylist(rows, schema=schema).replace_schema_metadata(told)
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("alter", Damage.RECORD_ALTERED),
        ("alter with its digest", Damage.RECORD_UNLINKED),
        ("remove", Damage.RECORD_DELETED),
        ("swap", Damage.BATCH_DIFFERS),
        ("column", Damage.COLUMN_ALTERED),
    ],
)
def test_an_altered_archive_is_found(scene: Scene, folder: Path, damage: str, code: Damage) -> None:
    filled(scene)
    (path,) = move_old(scene, folder, days=1.5)
    table, told = archive_table(path)
    rows = table.to_pylist()
    match damage:
        case "alter":
            rows[4]["content"] = rows[4]["content"].replace(b"alice", b"mallory")
        case "alter with its digest":
            other = unseal(rows[4]["content"].replace(b"alice", b"mallory"))
            rows[4] |= {"content": other.content, "digest": bytes.fromhex(other.digest[7:])}
            rows[4] |= {"principal": "corp|mallory", "principal_name": "mallory"}
        case "remove":
            del rows[4]
        case "swap":
            rows[4], rows[5] = rows[5] | {"position": rows[4]["position"]}, rows[4] | {"position": rows[5]["position"]}
        case _:
            rows[4]["tool"] = "other"
    rewrite(path, rows, told, table.schema.remove_metadata())
    report = verify_whole(scene, folder)
    assert code in report.findings.counts
    alone = verify(ArchivesAlone(Shelf([path])))
    assert alone.findings.counts


@pytest.mark.parametrize("cut", [0, 3, 100, -1, -8])
def test_a_damaged_file_is_an_error_that_names_it(scene: Scene, folder: Path, cut: int) -> None:
    filled(scene)
    (path,) = move_old(scene, folder, days=1.5)
    content = path.read_bytes()
    path.write_bytes(content[:cut])
    with pytest.raises(UnusableError, match=path.name):
        Shelf([path])


def test_flipped_bytes_are_errors_or_findings_never_records(scene: Scene, folder: Path) -> None:
    filled(scene)
    (path,) = move_old(scene, folder, days=1.5)
    content = path.read_bytes()
    for at in range(0, len(content), max(1, len(content) // 60)):
        flipped = bytearray(content)
        flipped[at] ^= 0x55
        path.write_bytes(flipped)
        try:
            report = verify_whole(scene, folder)
        except UnusableError:
            continue
        if not report.findings.counts:
            path.write_bytes(content)
            same = verify_whole(scene, folder)
            assert report.records == same.records


def test_another_parquet_file_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(UnusableError, match="is no archive of a decision log"):
        Archive(path)


def test_archives_with_a_gap_are_refused(scene: Scene, folder: Path) -> None:
    filled(scene)
    paths = [*move_old(scene, folder, days=2.5), *move_old(scene, folder, days=1.5), *move_old(scene, folder, days=0)]
    with pytest.raises(UnusableError, match="checkpoints 4 to 6"):
        Shelf([paths[0], paths[2]])
    with scene.reader.transaction(Hold.NOTHING) as connection:
        snapshot = LogSnapshot(connection)
        with pytest.raises(UnusableError, match="checkpoints 7 to 9 are missing"):
            WholeLog(Shelf(paths[:2]), snapshot)


def test_archives_of_another_log_are_refused(scene: Scene, folder: Path, tmp_path: Path) -> None:
    filled(scene)
    move_old(scene, folder, days=1.5)
    (tmp_path / "other").mkdir()
    other = Scene(tmp_path / "other")
    filled(other)
    with other.reader.transaction(Hold.NOTHING) as connection, pytest.raises(UnusableError, match="are of the log"):
        WholeLog(Shelf(list(archives_in(folder))), LogSnapshot(connection))
    other.close()


def test_a_note_that_is_removed_with_its_archive_leaves_a_hole(scene: Scene, folder: Path) -> None:
    filled(scene)
    move_old(scene, folder, days=1.5)
    scene.tamper("DELETE FROM archives")
    assert Damage.RECORD_DELETED in scene.damage()


def test_outcomes_are_archived_with_the_decision_that_they_are_of(scene: Scene, folder: Path) -> None:
    writer = Writer()
    (one,) = writer.write(1)
    told = msgspec.structs.replace(outcome(2), decision=one.record.id, version=2, previous=one.digest)
    scene.put([one, seal(told)])
    scene.checkpointer.make()
    (path,) = move_old(scene, folder, days=-1)
    rows = pq.read_table(path, filters=[("kind", "=", "outcome")]).to_pylist()
    assert [row["decision"] for row in rows] == [one.record.id]
