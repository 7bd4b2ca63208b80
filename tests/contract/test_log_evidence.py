"""Checkpoints, verification and proofs over each kind of database that a log may be in."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.audit.evidence.examination import RefusedError
from pdp.audit.evidence.export import Leaves
from pdp.audit.evidence.finding import Damage
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.proof import read_proof, verify_proof
from pdp.audit.evidence.prove import find_record, prove
from pdp.audit.evidence.verify import Verification
from pdp.audit.log_database import Hold
from pdp.audit.sql_store import SqlStore
from pdp.core.contract.record_terms import Effect
from pdp.database.sqlite_file import Access
from tests.contract.log_places import LogPlace
from tests.unit.audit.evidence.scene import KEY, OTHER_KEY, Scene, Writer, altered


@pytest.fixture
def scene(place: LogPlace, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path, url=place.url)
    yield made
    made.close()


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """20 records of two runs of one writer in two checkpoints, 5 more after."""
    writer = Writer()
    for boot, count in (("b1", 10), ("b2", 10)):
        writer.restart(boot)
        scene.put(writer.write(count))
        scene.checkpointer.make()
    scene.put(writer.write(5))
    return scene


def at(scene: Scene, index: int) -> int:
    """The position of the record `index`, from 1: databases leave gaps."""
    return int(scene.ask("SELECT position FROM records ORDER BY position")[index - 1][0])


def test_a_log_that_nobody_altered_has_no_findings(filled: Scene) -> None:
    report = filled.verify(filled.held(Leaves.WITH))
    assert report.findings.ordered() == []
    assert (report.records, report.checkpoints, report.uncovered, report.held) == (25, 2, 5, 2)


def test_an_altered_record_is_named(filled: Scene) -> None:
    position = at(filled, 12)
    content = altered(filled.content(position), effect=Effect.DENY).content
    filled.tamper(
        "UPDATE records SET content = :content WHERE position = :position", content=content, position=position
    )
    first = filled.verify().findings.ordered()[0]
    assert (first.code, first.position, first.boot, first.sequence) == (Damage.RECORD_ALTERED, position, "b2", 2)


def test_a_record_that_was_made_fit_is_named_where_its_digest_is_held(filled: Scene) -> None:
    held = filled.held(Leaves.WITH)
    position = at(filled, 3)
    filled.replace(position, altered(filled.content(position), detail="forged"))
    filled.rechain(position, at(filled, 10))
    found = filled.verify(held).findings.ordered()
    assert (Damage.RECORD_ALTERED, position) in [(one.code, one.position) for one in found]


@pytest.mark.parametrize(
    ("statements", "damage"),
    [
        (["DELETE FROM records WHERE sequence = 4"], {Damage.RECORD_DELETED}),
        (["UPDATE records SET tool = 'other' WHERE sequence = 4"], {Damage.COLUMN_ALTERED}),
        (["DELETE FROM checkpoints WHERE number = 1"], {Damage.CHECKPOINT_MISSING}),
        (["UPDATE checkpoints SET envelope = '{}' WHERE number = 1"], {Damage.CHECKPOINT_UNREADABLE}),
        (["UPDATE checkpoints SET last = 0 WHERE number = 1"], {Damage.CHECKPOINT_ALTERED}),
        (["UPDATE about SET log = 'another'"], {Damage.LOG_REPLACED}),
        (["DELETE FROM records WHERE sequence = 15"], {Damage.RECORD_DELETED}),
    ],
)
def test_each_kind_of_damage_is_named(filled: Scene, statements: list[str], damage: set[Damage]) -> None:
    for statement in statements:
        filled.tamper(statement)
    assert filled.damage() == damage


def test_what_was_cut_off_is_missing_where_a_checkpoint_is_held(filled: Scene) -> None:
    held = filled.held()
    filled.tamper("DELETE FROM records WHERE position > :position", position=at(filled, 10))
    filled.tamper("DELETE FROM checkpoints WHERE number = 2")
    filled.tamper("DELETE FROM runs WHERE boot = 'b2'")
    assert filled.damage() == set()
    assert filled.damage(held) == {Damage.LOG_TRUNCATED}
    with pytest.raises(RefusedError, match="had checkpoint 2 already"):
        filled.checkpointer.make()


def test_a_record_has_a_proof(filled: Scene) -> None:
    with filled.reader.transaction(Hold.SNAPSHOT) as connection:
        proof = prove(connection, find_record(connection, "gateway-b1-7")).to_json()
    proven = verify_proof(read_proof(proof), trusted={KEY.public.id: KEY.public})
    assert (proven.record.id, proven.index, proven.newest.statement.number) == ("gateway-b1-7", 6, 2)


def test_while_many_append_every_record_is_covered_once_and_none_is_passed_over(scene: Scene) -> None:
    """Two sign, three append: on a server, transactions end in another order than they began."""
    ends = threading.Event()
    failures: list[BaseException] = []

    def append(name: str) -> None:
        writer = Writer(name)
        store = SqlStore(scene.open(Access.WRITE), wall=lambda: scene.hands.now)
        for _ in range(60):
            store.append(writer.write(3))

    def sign(checkpointer: object) -> None:
        while not ends.is_set():
            checkpointer.make()  # type: ignore[attr-defined]

    def guarded(work: object, *arguments: object) -> None:
        try:
            work(*arguments)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    signing = [
        scene.another(key=KEY, name="one", trusted=[OTHER_KEY], ledger=scene.another_ledger()),
        scene.another(key=OTHER_KEY, name="two", trusted=[KEY], ledger=scene.another_ledger()),
    ]
    signers = [threading.Thread(target=guarded, args=(sign, one)) for one in signing]
    writers = [threading.Thread(target=guarded, args=(append, f"w{number}")) for number in range(3)]
    for thread in [*signers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    ends.set()
    for thread in signers:
        thread.join()
    signing[0].make()
    assert failures == []
    report = scene.verify(trusted=[KEY, OTHER_KEY])
    assert report.findings.ordered() == []
    assert (report.records, report.uncovered) == (540, 0)


def test_a_verification_sees_one_state_while_others_append(filled: Scene) -> None:
    writer = Writer("late")
    with filled.reader.transaction(Hold.SNAPSHOT) as connection:
        verification = Verification(LogSnapshot(connection), trusted={KEY.public.id: KEY.public})
        filled.put(writer.write(5))
        filled.checkpointer.make()
        report = verification.run()
    assert report.findings.ordered() == []
    assert (report.records, report.checkpoints) == (25, 2)
