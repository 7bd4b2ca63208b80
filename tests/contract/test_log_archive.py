"""Archives are made the same way from every store; on PostgreSQL whole months leave by their partitions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pdp.audit.archive.mover import Mover, archives_in
from pdp.audit.archive.whole_log import ArchivesAlone, Shelf, WholeLog
from pdp.audit.evidence.log_snapshot import LogSnapshot
from pdp.audit.evidence.verify import Report, Verification
from pdp.audit.location import open_database
from pdp.audit.log_database import Hold, LogDatabase
from pdp.core.settings.decision_point import LogSettings
from pdp.database.sqlite_file import Access
from tests.contract.log_places import LogPlace, server_place
from tests.unit.audit.evidence.scene import KEY, Scene, Writer

DAY = 86_400
TRUSTED = {KEY.public.id: KEY.public}
JULY = datetime(2026, 7, 1, tzinfo=UTC).timestamp()


@dataclass
class PlacedScene(Scene):
    """The scene in any store."""

    place: LogPlace | None = None

    def open(self, access: Access) -> LogDatabase:
        assert self.place is not None
        settings = LogSettings.model_validate({"url": self.place.url, "lock_timeout": "10s"})
        database = open_database(settings, access, base=Path("/nowhere"))
        self._opened.append(database)
        return database


@pytest.fixture
def placed(place: LogPlace, tmp_path: Path) -> Iterator[PlacedScene]:
    scene = PlacedScene(tmp_path, place=place)
    scene.hands.now = JULY
    yield scene
    scene.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "archives"
    path.mkdir()
    return path


def a_record_a_day(scene: Scene, days: int) -> Writer:
    writer = Writer()
    for _ in range(days):
        scene.put(writer.write(1))
        scene.checkpointer.make()
        scene.hands.now += DAY
    return writer


def move_old(scene: Scene, folder: Path, *, days: float) -> None:
    mover = Mover(scene.open(Access.READ), scene.open(Access.WRITE), folder=folder, trusted=TRUSTED)
    mover.finish()
    for part in mover.plan(before=round((scene.hands.now - days * DAY) * 1000)):
        mover.move(part, made=round(scene.hands.now * 1000))


def verify_whole(scene: Scene, folder: Path) -> Report:
    with scene.reader.transaction(Hold.SNAPSHOT) as connection:
        return Verification(WholeLog(Shelf(list(archives_in(folder))), LogSnapshot(connection)), trusted=TRUSTED).run()


def test_what_is_old_leaves_the_store_and_all_of_it_stays_provable(placed: PlacedScene, folder: Path) -> None:
    writer = a_record_a_day(placed, 70)
    move_old(placed, folder, days=20)
    assert placed.ask("SELECT min(sequence), max(sequence) FROM records") == [(51, 70)]
    placed.put(writer.write(3))
    report = verify_whole(placed, folder)
    assert not report.findings.counts
    assert (report.records, report.checkpoints, report.uncovered, report.unread) == (73, 70, 3, 0)
    assert not placed.verify().findings.counts
    alone = Verification(ArchivesAlone(Shelf(list(archives_in(folder)))), trusted=TRUSTED).run()
    assert (alone.records, alone.findings.counts.total()) == (50, 0)


def test_a_second_archive_goes_on(placed: PlacedScene, folder: Path) -> None:
    a_record_a_day(placed, 40)
    move_old(placed, folder, days=20)
    move_old(placed, folder, days=0)
    assert placed.ask("SELECT count(*) FROM records") == [(0,)]
    report = verify_whole(placed, folder)
    assert (report.records, report.findings.counts.total()) == (40, 0)


def test_a_repeat_of_what_is_archived_is_known(placed: PlacedScene, folder: Path) -> None:
    writer = Writer()
    written = writer.write(20)
    placed.put(written)
    placed.checkpointer.make()
    placed.hands.now += DAY
    move_old(placed, folder, days=0)
    placed.put(written)
    assert placed.ask("SELECT count(*) FROM records") == [(0,)]


def test_of_a_run_with_gaps_what_is_archived_is_known_and_what_never_came_is_taken(
    placed: PlacedScene, folder: Path
) -> None:
    writer = Writer()
    written = writer.write(20)
    placed.put([*written[:4], *written[6:9], *written[11:]])
    placed.checkpointer.make()
    placed.hands.now += DAY
    move_old(placed, folder, days=0)
    assert placed.ask("SELECT first, last FROM archived ORDER BY first") == [(1, 4), (7, 9), (12, 20)]
    placed.put(written)
    assert placed.ask("SELECT sequence FROM records ORDER BY sequence") == [(5,), (6,), (10,), (11,)]
    placed.checkpointer.make()
    placed.hands.now += DAY
    move_old(placed, folder, days=0)
    placed.put(written)
    assert placed.ask("SELECT count(*) FROM records") == [(0,)]
    report = verify_whole(placed, folder)
    assert (report.records, report.findings.counts.total()) == (20, 0)


def test_whole_months_leave_by_their_partitions(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> None:
    place = server_place("postgresql", request.getfixturevalue("postgresql"))
    scene = PlacedScene(tmp_path, place=place)
    scene.hands.now = JULY
    a_record_a_day(scene, 70)
    listed = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'records'::regclass ORDER BY 1"
    before = [name for (name,) in scene.ask(listed)]
    assert before[:3] == ["records_2026_07", "records_2026_08", "records_2026_09"]
    move_old(scene, folder, days=20)
    after = [name for (name,) in scene.ask(listed)]
    assert after == [name for name in before if name > "records_2026_07"]
    assert not verify_whole(scene, folder).findings.counts
    scene.close()
