from dataclasses import dataclass, field

import structlog

from pdp.audit.evidence.export import FIRST_WAIT, LONGEST_WAIT, Exporter, ExportError, Leaves
from pdp.audit.evidence.held import Held, read_held
from tests.unit.audit.evidence.scene import Scene, Writer, altered


@dataclass
class Place:
    """A place outside that takes what it is given, or says why not."""

    trouble: str | None = None
    got: list[Held] = field(default_factory=list)
    target: str = "place"

    def publish(self, held: Held) -> None:
        if self.trouble is not None:
            raise ExportError(self.trouble)
        self.got.append(read_held(held.to_json()))


def exporter(scene: Scene, place: Place, leaves: Leaves = Leaves.WITHOUT) -> Exporter:
    return Exporter(place, scene.ledger, leaves=leaves, log=structlog.get_logger())


def numbers(place: Place) -> list[int]:
    return [one.number for one in place.got]


def test_a_place_gets_each_checkpoint_once_and_in_order_also_after_a_restart(scene: Scene) -> None:
    place, writer = Place(), Writer()
    scene.put(writer.write(25))
    scene.checkpointer.make()
    assert exporter(scene, place).push() == 0
    assert numbers(place) == [1, 2, 3]
    scene.put(writer.write(1))
    scene.checkpointer.make()
    again = exporter(scene, place)
    assert again.push() == 0
    assert (numbers(place), again.state.number) == ([1, 2, 3, 4], 4)


def test_a_place_that_takes_nothing_is_waited_for_longer_each_time_and_then_gets_all(scene: Scene) -> None:
    scene.put(Writer().write(25))
    scene.checkpointer.make()
    place = Place("disk full")
    made = exporter(scene, place)
    waits = [made.push() for _ in range(12)]
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT
    assert (made.state.last_error, made.state.number) == ("disk full", 0)
    place.trouble = None
    assert made.push() == 0
    assert (made.state.last_error, numbers(place)) == (None, [1, 2, 3])


def test_a_place_that_fails_keeps_no_other_waiting(scene: Scene) -> None:
    scene.put(Writer().write(1))
    scene.checkpointer.make()
    exporter(scene, Place("gone", target="one")).push()
    other = Place(target="other")
    exporter(scene, other).push()
    assert numbers(other) == [1]


def test_digests_go_along_where_they_are_wanted_and_are_what_was_signed(scene: Scene) -> None:
    place, bare = Place(), Place(target="bare")
    scene.put(Writer().write(5))
    scene.checkpointer.make()
    exporter(scene, place, Leaves.WITH).push()
    exporter(scene, bare).push()
    assert [len(one.digests() or []) for one in place.got] == [5]
    assert [one.digests() for one in bare.got] == [None]


def test_digests_that_are_not_those_that_were_signed_stay(scene: Scene) -> None:
    place = Place()
    scene.put(Writer().write(5))
    scene.checkpointer.make()
    scene.replace(3, altered(scene.content(3), detail="forged"))
    exporter(scene, place, Leaves.WITH).push()
    assert [one.digests() for one in place.got] == [None]


def test_a_checkpoint_that_cannot_be_read_is_an_error_and_no_end(scene: Scene) -> None:
    scene.put(Writer().write(5))
    scene.checkpointer.make()
    scene.tamper("UPDATE checkpoints SET envelope = 'x'")
    made = exporter(scene, Place())
    assert made.push() == FIRST_WAIT
    assert "no checkpoint" in (made.state.last_error or "")


def test_a_progress_that_nobody_can_have_made_keeps_nothing_from_a_place(scene: Scene) -> None:
    place, writer = Place(), Writer()
    scene.put(writer.write(15))
    scene.checkpointer.make()
    exporter(scene, place).push()
    scene.tamper("UPDATE exports SET number = 1000000")
    scene.put(writer.write(1))
    scene.checkpointer.make()
    made = exporter(scene, place)
    assert made.push() == 0
    assert (numbers(place), made.state.number) == ([1, 2, 1, 2, 3], 3)
    assert made.push() == 0
    assert len(place.got) == 5
