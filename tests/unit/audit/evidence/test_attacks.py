"""What somebody with all rights on the database can do, and what the verification says of it."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from pdp.audit.evidence.checkpoint import signed
from pdp.audit.evidence.export import Leaves
from pdp.audit.evidence.finding import Damage, Finding
from pdp.audit.evidence.held import Held
from pdp.audit.evidence.held_check import HeldFile
from pdp.audit.evidence.verify import Report
from pdp.core.contract.record_terms import Effect
from pdp.core.contract.sealed import seal
from tests.unit.audit.evidence.scene import KEY, OTHER_KEY, Scene, Writer, altered, held_file


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """30 records of two writers in three checkpoints, 5 more after; one writer started again on the way.

    Positions 1 to 8 and 11 to 18 are of the gateway's first run, 21 to 28 and 31 to 35 of its second; the rest is of
    the other writer.
    """
    gateway, other = Writer("gateway", "b1"), Writer("wrap", "c1")
    for turn in range(3):
        if turn == 2:
            gateway.restart("b2")
        scene.put([*gateway.write(8), *other.write(2)])
        scene.checkpointer.make()
    scene.put(gateway.write(5))
    return scene


def first_of(report: Report) -> Finding:
    return report.findings.ordered()[0]


def test_a_log_that_nobody_altered_has_no_findings(filled: Scene) -> None:
    report = filled.verify(filled.held(Leaves.WITH))
    assert report.findings.ordered() == []
    assert (report.records, report.checkpoints, report.uncovered, report.held) == (35, 3, 5, 3)


def test_an_altered_field_is_found_in_the_record_that_has_it(filled: Scene) -> None:
    content = altered(filled.content(12), effect=Effect.DENY).content
    filled.tamper("UPDATE records SET content = :content WHERE position = 12", content=content)
    report = filled.verify()
    first = first_of(report)
    assert (first.code, first.position, first.writer, first.boot, first.sequence) == (
        Damage.RECORD_ALTERED,
        12,
        "gateway",
        "b1",
        10,
    )
    assert set(report.findings.counts) == {Damage.RECORD_ALTERED, Damage.COLUMN_ALTERED}


def test_a_record_altered_with_its_digest_breaks_its_chain_and_its_batch(filled: Scene) -> None:
    filled.replace(12, altered(filled.content(12), principal="corp|mallory"))
    report = filled.verify()
    assert set(report.findings.counts) == {Damage.RECORD_UNLINKED, Damage.BATCH_DIFFERS, Damage.COLUMN_ALTERED}
    assert [(one.code, one.position) for one in report.findings.ordered()] == [
        (Damage.BATCH_DIFFERS, 11),
        (Damage.COLUMN_ALTERED, 12),
        (Damage.RECORD_UNLINKED, 13),
    ]


def test_a_run_chained_again_after_an_altered_record_breaks_its_batch_and_what_goes_on_from_it(filled: Scene) -> None:
    filled.replace(12, altered(filled.content(12), detail="forged"))
    filled.rechain(12, 18)
    assert filled.damage() == {Damage.BATCH_DIFFERS, Damage.RUN_MISSING}


def test_with_the_digests_held_outside_the_first_altered_record_is_named_whatever_was_made_fit(filled: Scene) -> None:
    held = filled.held(Leaves.WITH)
    filled.replace(13, altered(filled.content(13), detail="forged"))
    filled.rechain(13, 18)
    findings = filled.verify(held).findings.ordered()
    assert (Damage.RECORD_ALTERED, 13) in [(one.code, one.position) for one in findings]


def test_a_deleted_record_is_missing_by_its_number_and_in_its_batch(filled: Scene) -> None:
    filled.tamper("DELETE FROM records WHERE position = 12")
    report = filled.verify()
    assert set(report.findings.counts) == {Damage.RECORD_DELETED}
    assert {(one.sequence, one.checkpoint) for one in report.findings.ordered()} == {(None, 2), (10, None)}


def test_a_deleted_record_that_the_run_was_made_to_forget_is_missing_in_its_batch(filled: Scene) -> None:
    filled.tamper("DELETE FROM records WHERE position = 12")
    filled.tamper("UPDATE runs SET records = records - 1 WHERE writer = 'gateway' AND boot = 'b1'")
    assert filled.damage() == {Damage.RECORD_DELETED, Damage.RECORD_MISSING}


def test_a_record_that_never_came_is_missing_by_its_number_and_nothing_else_is_wrong(filled: Scene) -> None:
    writer = Writer("late")
    lost = writer.write(4)
    filled.put([lost[0], lost[3]])
    filled.checkpointer.make()
    findings = filled.verify().findings.ordered()
    assert [(one.code, one.writer, one.sequence) for one in findings] == [(Damage.RECORD_MISSING, "late", 2)]
    assert "records 2 to 3" in findings[0].text
    filled.put(lost[1:3])
    assert filled.damage() == set()


def test_a_tail_that_no_checkpoint_covers_is_missing_in_its_run(filled: Scene) -> None:
    filled.tamper("DELETE FROM records WHERE position > 33")
    findings = filled.verify().findings.ordered()
    assert [(one.code, one.boot, one.sequence) for one in findings] == [(Damage.RECORD_DELETED, "b2", 12)]


def test_a_tail_cut_off_at_a_checkpoint_is_missing_where_one_is_held_outside(filled: Scene) -> None:
    held = filled.held()
    filled.tamper("DELETE FROM records WHERE position > 20")
    filled.tamper("DELETE FROM checkpoints WHERE number > 2")
    filled.tamper("DELETE FROM runs WHERE boot = 'b2'")
    digest = filled.ask("SELECT digest FROM records WHERE position = 20")[0][0]
    filled.tamper("UPDATE runs SET sequence = 4, records = 4, digest = :digest WHERE writer = 'wrap'", digest=digest)
    assert filled.damage() == set()  # nothing inside can show it
    findings = filled.verify(held).findings.ordered()
    assert [one.code for one in findings] == [Damage.LOG_TRUNCATED]
    assert "the log ends at record 20 and checkpoint 2; checkpoint 3" in findings[0].text
    assert "vouches for 10 more" in findings[0].text


def test_a_deleted_run_is_missing_in_its_batches_and_to_the_run_that_goes_on_from_it(filled: Scene) -> None:
    filled.tamper("DELETE FROM records WHERE run = (SELECT run FROM runs WHERE boot = 'b1')")
    filled.tamper("DELETE FROM runs WHERE boot = 'b1'")
    assert filled.damage() == {Damage.RECORD_DELETED, Damage.RUN_MISSING}


def test_two_records_that_changed_places_are_noticed(filled: Scene) -> None:
    held = filled.held(Leaves.WITH)
    filled.tamper("UPDATE records SET position = 1000 WHERE position = 12")
    filled.tamper("UPDATE records SET position = 12 WHERE position = 14")
    filled.tamper("UPDATE records SET position = 14 WHERE position = 1000")
    assert filled.damage() == {Damage.BATCH_DIFFERS, Damage.RECORD_REORDERED}
    findings = filled.verify(held).findings.ordered()
    assert (Damage.RECORD_REORDERED, 12) in [(one.code, one.position) for one in findings]


def test_a_forged_record_among_those_that_were_signed_is_noticed(filled: Scene) -> None:
    held = filled.held(Leaves.WITH)
    filled.tamper("UPDATE records SET position = position + 100 WHERE position > 15")
    forged = seal(msgspec.structs.replace(filled.content(15).record, sequence=99, id="forged", previous=None))
    insert_like(filled, 15, forged, position=16)
    damage = filled.damage(held)
    assert {Damage.RECORD_INSERTED, Damage.RECORD_UNLINKED} <= damage


def test_a_forged_record_after_the_last_checkpoint_is_noticed_by_its_run(filled: Scene) -> None:
    last = filled.content(35)
    forged = seal(msgspec.structs.replace(last.record, sequence=14, id="forged", previous=last.digest))
    insert_like(filled, 35, forged, position=36)
    assert filled.damage() == {Damage.RECORD_INSERTED}


def insert_like(scene: Scene, model: int, forged: object, *, position: int) -> None:
    columns = "arrived, run, kind, time, effect, reason_code, method, server, tool, principal, principal_name, actor"
    scene.tamper(
        f"INSERT INTO records (position, sequence, digest, content, {columns}) "
        f"SELECT :position, :sequence, :digest, :content, {columns} FROM records WHERE position = :model",
        position=position,
        sequence=forged.record.sequence,  # type: ignore[attr-defined]
        digest=bytes.fromhex(forged.digest[7:]),  # type: ignore[attr-defined]
        content=forged.content,  # type: ignore[attr-defined]
        model=model,
    )


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ("tool = 'git_status'", 3),
        ("effect = 'deny'", 3),
        ("time = time + 1", 3),
        ("principal_name = NULL", 3),
        ("sequence = 77", 3),
        ("run = (SELECT run FROM runs WHERE writer = 'wrap')", 3),
        ("tool = 5", 3),
        ("time = 'yesterday'", 3),
        ("sequence = 'three'", 3),
    ],
)
def test_a_column_that_hides_a_record_from_queries_is_found(filled: Scene, change: str, position: int) -> None:
    filled.tamper(f"UPDATE records SET {change} WHERE position = :position", position=position)
    report = filled.verify()
    assert [(one.code, one.position) for one in report.findings.ordered()] == [(Damage.COLUMN_ALTERED, position)]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE records SET content = NULL WHERE position = 3", None),
        ("UPDATE records SET content = 'text' WHERE position = 3", Damage.RECORD_UNREADABLE),
        ("UPDATE records SET content = 5, digest = 7 WHERE position = 3", Damage.RECORD_UNREADABLE),
        ("UPDATE records SET content = zeroblob(100000) WHERE position = 3", Damage.RECORD_UNREADABLE),
        ("UPDATE records SET run = 99 WHERE position = 3", Damage.RUN_MISSING),
        ("UPDATE records SET run = 'x' WHERE position = 3", Damage.RUN_MISSING),
        ("UPDATE runs SET digest = 'x' WHERE boot = 'b1'", Damage.RUN_ALTERED),
        ("UPDATE runs SET sequence = 'x' WHERE boot = 'b1'", Damage.RECORD_INSERTED),
        ("UPDATE runs SET records = records + 1 WHERE boot = 'b1'", Damage.RUN_ALTERED),
        ("UPDATE runs SET previous = NULL WHERE boot = 'b2'", None),
        ("UPDATE runs SET previous = zeroblob(32) WHERE boot = 'b2'", Damage.RUN_ALTERED),
        ("UPDATE runs SET sequence = sequence + 1 WHERE boot = 'b1'", Damage.RECORD_DELETED),
        ("DELETE FROM runs WHERE boot = 'b1'", Damage.RUN_MISSING),
        ("UPDATE checkpoints SET envelope = 'x' WHERE number = 2", Damage.CHECKPOINT_UNREADABLE),
        ("UPDATE checkpoints SET envelope = zeroblob(2000000) WHERE number = 2", Damage.CHECKPOINT_UNREADABLE),
        ("UPDATE checkpoints SET last = last + 1 WHERE number = 2", Damage.CHECKPOINT_ALTERED),
        ("UPDATE checkpoints SET first = 'x' WHERE number = 2", Damage.CHECKPOINT_ALTERED),
        ("UPDATE checkpoints SET count = 3 WHERE number = 2", Damage.CHECKPOINT_ALTERED),
        ("DELETE FROM checkpoints WHERE number = 2", Damage.CHECKPOINT_MISSING),
        ("DELETE FROM checkpoints WHERE number = 1", Damage.CHECKPOINT_MISSING),
        ("UPDATE checkpoints SET number = 7 WHERE number = 3", Damage.CHECKPOINT_MISSING),
        ("UPDATE about SET log = 'another'", Damage.LOG_REPLACED),
        ("DELETE FROM about", Damage.LOG_REPLACED),
    ],
)
def test_whatever_is_written_into_the_database_is_a_finding_and_no_crash(
    filled: Scene, statement: str, code: Damage | None
) -> None:
    try:
        filled.tamper(statement)
    except Exception:  # noqa: BLE001 - the database refuses it by itself
        assert code is None
        return
    damage = filled.damage()
    assert code is None or code in damage


def test_a_row_of_conflicts_is_a_finding(filled: Scene) -> None:
    filled.put([altered(filled.content(12), detail="again")])
    findings = filled.verify().findings.ordered()
    assert [(one.code, one.writer, one.sequence) for one in findings] == [(Damage.RECORD_CONFLICT, "gateway", 10)]


def test_checkpoints_that_were_rolled_back_are_held_outside(filled: Scene) -> None:
    held = filled.held()
    filled.tamper("DELETE FROM checkpoints WHERE number = 3")
    assert filled.damage() == set()
    assert filled.damage(held) == {Damage.LOG_TRUNCATED}


def test_checkpoints_signed_by_another_key_are_not_trusted(filled: Scene) -> None:
    for checkpoint in filled.checkpoints():
        forged = signed(checkpoint.statement, key=OTHER_KEY)
        filled.tamper(
            "UPDATE checkpoints SET envelope = :envelope WHERE number = :number",
            envelope=forged.to_json().decode(),
            number=checkpoint.statement.number,
        )
    assert filled.damage() == {Damage.CHECKPOINT_UNTRUSTED}
    assert filled.damage(trusted=[]) == {Damage.CHECKPOINT_UNTRUSTED}


def test_an_older_copy_of_the_database_is_older_than_what_is_held_outside(filled: Scene) -> None:
    older = filled.folder / "older"
    older.mkdir()
    copy(filled, older)
    filled.checkpointer.make()
    held = filled.held()
    restored = Scene(older)
    assert restored.damage() == set()
    assert restored.damage(held) == {Damage.LOG_TRUNCATED}
    restored.close()


def copy(scene: Scene, folder: object) -> None:

    target = sqlite3.connect(f"{folder}/log.db")
    with sqlite3.connect(scene.folder / "log.db") as source:
        source.backup(target)
    target.close()


def test_a_second_history_signed_with_the_stolen_place_of_the_first_is_a_fork(filled: Scene) -> None:
    held = filled.held()
    last = filled.checkpoints()[-1].statement
    other = signed(msgspec.structs.replace(last, time="2026-07-28T09:00:00.000Z"), key=KEY)
    filled.tamper("UPDATE checkpoints SET envelope = :envelope WHERE number = 3", envelope=other.to_json().decode())
    assert filled.damage() == set()
    assert filled.damage(held) == {Damage.LOG_FORKED}
    assert filled.damage([*held, held_file(Held(other))]) == {Damage.LOG_FORKED}


def test_a_checkpoint_of_another_log_is_named(filled: Scene, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Scene(tmp_path_factory.mktemp("other"))
    other.put(Writer().write(1))
    other.checkpointer.make()
    assert filled.damage(other.held()) == {Damage.LOG_REPLACED}
    other.close()


def test_a_history_that_was_written_anew_by_whoever_has_the_key_is_not_noticed_inside_but_is_outside(
    filled: Scene,
) -> None:
    held = filled.held()
    filled.replace(12, altered(filled.content(12), detail="forged"))
    filled.rechain(12, 18)
    gone_on_from = bytes.fromhex(filled.content(18).digest[7:])
    filled.tamper("UPDATE runs SET previous = :digest WHERE boot = 'b2'", digest=gone_on_from)
    filled.replace(21, altered(filled.content(21), previous=filled.content(18).digest))
    for first, last in ((21, 28),):
        filled.rechain(first, last)
    before = filled.content(28)
    for position in range(31, 36):
        before = seal(msgspec.structs.replace(filled.content(position).record, previous=before.digest))
        filled.replace(position, before)
    filled.tamper("UPDATE runs SET digest = :digest WHERE boot = 'b2'", digest=bytes.fromhex(before.digest[7:]))
    filled.tamper("DELETE FROM checkpoints")
    filled.another(name="thief").make()
    assert filled.damage() == set()
    assert Damage.LOG_FORKED in filled.damage(held)


@pytest.mark.parametrize(
    "bend",
    [
        lambda raw: b"",
        lambda raw: raw[:-10],
        lambda raw: raw.replace(b'"payload":"', b'"payload":"AAAA'),
        lambda raw: raw.replace(b'"sig":"', b'"sig":"AAAA'),
        lambda raw: b'{"envelope":1}',
        lambda raw: b'{"envelope":NaN}',
        lambda raw: b"[" * 100_000,
        lambda raw: b'{"a":1,"a":2}',
        lambda raw: b" " * 9_000_000,
        lambda raw: raw.strip()[:-1] + b',"more":1}',
        lambda raw: raw.strip()[:-1] + b',"leaves":"AAAA"}',
        lambda raw: raw.strip()[:-1] + b',"leaves":5}',
        lambda raw: raw.strip()[:-1] + b',"leaves":"' + b"A" * 64 + b'"}',
    ],
)
def test_whatever_is_held_outside_is_read_within_bounds_or_named(filled: Scene, bend: Callable[[bytes], bytes]) -> None:
    raw = bend(filled.held()[0].read())
    assert filled.damage([HeldFile("held", lambda: raw)]) == {Damage.HELD_UNUSABLE}


def test_a_file_that_cannot_be_read_is_named(filled: Scene) -> None:
    def read() -> bytes:
        raise PermissionError(13, "Permission denied")

    assert filled.damage([HeldFile("held", read)]) == {Damage.HELD_UNUSABLE}


def test_faults_that_a_checkpoint_tells_of_itself_are_findings(scene: Scene) -> None:
    writer = Writer()
    scene.put(writer.write(2))
    writer.previous = None
    scene.put(writer.write(1))
    scene.checkpointer.make()
    assert scene.damage() == {Damage.RECORD_UNLINKED, Damage.BATCH_FAULTY}


def test_findings_of_a_kind_beyond_a_hundred_are_counted_only(scene: Scene) -> None:
    scene.put(Writer().write(150))
    scene.tamper("UPDATE records SET tool = 'other'")
    findings = scene.verify().findings
    assert findings.counts[Damage.COLUMN_ALTERED] == 150
    assert len(findings.ordered()) == 100


def test_records_of_version_1_are_in_no_chain(scene: Scene) -> None:
    writer = Writer()
    records = [seal(msgspec.structs.replace(one.record, version=1, previous=None)) for one in writer.write(5)]
    scene.put(records)
    scene.checkpointer.make()
    assert scene.damage() == set()


def test_what_is_held_twice_the_same_is_held_once(filled: Scene) -> None:
    held = filled.held()
    report = filled.verify([*held, *[replace(one, name="copy") for one in held]])
    assert (report.held, report.findings.ordered()) == (3, [])


def test_a_log_whose_oldest_batches_are_in_archives_is_verified_after_them_and_that_is_said(filled: Scene) -> None:
    filled.tamper("INSERT INTO archives VALUES ('a.parquet', zeroblob(32), 1, 2, 20, 0)")
    filled.tamper("DELETE FROM records WHERE position <= 20")
    report = filled.verify(filled.held())
    assert report.findings.ordered() == []
    assert (report.unread, report.records, report.checkpoints, report.uncovered) == (2, 15, 3, 5)
    filled.tamper("DELETE FROM records WHERE position IN (22, 33)")
    assert filled.damage() == {Damage.RECORD_DELETED, Damage.RECORD_MISSING}


def test_a_file_that_is_another_one_when_it_is_read_again_says_nothing(filled: Scene) -> None:
    first, second = filled.held(Leaves.WITH)[:2]
    reads = iter([first.read(), second.read()])
    filled.replace(3, altered(filled.content(3), detail="forged"))
    findings = filled.verify([HeldFile("held", lambda: next(reads))]).findings.ordered()
    assert Damage.BATCH_DIFFERS in {one.code for one in findings}
    assert Damage.RECORD_ALTERED not in {one.code for one in findings}
