from pathlib import Path

import pytest

from pdp.audit.evidence.checkpointer import Care
from pdp.audit.evidence.examination import RefusedError
from pdp.audit.evidence.merkle import leaf_hash, root_of
from pdp.audit.evidence.statement import follow, hash_text
from pdp.core.contract.sealed import seal
from tests.unit.audit.evidence.scene import KEY, OTHER_KEY, Scene, Writer
from tests.unit.audit.sample import decision


def counts(scene: Scene) -> list[int]:
    return [one.statement.batch.count for one in scene.checkpoints()]


def test_records_are_covered_in_batches_each_once_and_the_root_is_that_of_their_digests(scene: Scene) -> None:
    records = Writer().write(25)
    scene.put(records)
    assert scene.checkpointer.make() == 3
    assert counts(scene) == [10, 10, 5]
    leaves = [leaf_hash(bytes.fromhex(one.digest[7:])) for one in records]
    roots = [hash_text(root_of(leaves[start : start + 10])) for start in (0, 10, 20)]
    assert [one.statement.batch.root for one in scene.checkpoints()] == roots
    batches = [one.statement.batch.leaf() for one in scene.checkpoints()]
    assert scene.checkpoints()[-1].statement.history.root == hash_text(root_of(batches))


def test_each_checkpoint_follows_the_one_before_and_names_the_heads_of_its_runs(scene: Scene) -> None:
    first, second = Writer("a"), Writer("b")
    scene.put([*first.write(3), *second.write(2)])
    scene.checkpointer.make()
    scene.put(first.write(1))
    scene.checkpointer.make()
    one, two = scene.checkpoints()
    follow(one.statement, two.statement, previous=one.digest)
    assert [(head.writer, head.sequence) for head in one.statement.heads.listed] == [("a", 3), ("b", 2)]
    assert [(head.writer, head.sequence, head.digest) for head in two.statement.heads.listed] == [
        ("a", 4, first.previous)
    ]
    assert two.statement.records == 6


def test_a_full_batch_is_due_at_once_and_a_part_of_one_after_the_interval(scene: Scene) -> None:
    writer = Writer()
    scene.put(writer.write(12))
    assert scene.checkpointer.make_due() == 2
    scene.put(writer.write(1))
    assert scene.checkpointer.make_due() == 0
    scene.hands.now += 61
    assert scene.checkpointer.make_due() == 1
    assert counts(scene) == [10, 2, 1]


def test_silence_is_signed_too(scene: Scene) -> None:
    scene.put(Writer().write(1))
    scene.checkpointer.make_due()
    scene.hands.now += 3599
    assert scene.checkpointer.make_due() == 0
    scene.hands.now += 2
    assert scene.checkpointer.make_due() == 1
    assert counts(scene) == [1, 0]
    scene.put(Writer("b").write(1))
    scene.checkpointer.make()
    assert scene.damage() == set()


def test_an_empty_log_has_an_empty_checkpoint_and_goes_on_from_it(scene: Scene) -> None:
    assert scene.checkpointer.make_due() == 1
    scene.put(Writer().write(2))
    scene.checkpointer.make()
    assert counts(scene) == [0, 2]
    assert scene.damage() == set()


def test_one_that_starts_again_goes_on_where_it_was(scene: Scene) -> None:
    writer = Writer()
    scene.put(writer.write(5))
    scene.checkpointer.make()
    scene.hands.now += 30
    again = scene.another()
    scene.put(writer.write(2))
    assert again.make_due() == 0
    scene.hands.now += 31
    assert again.make_due() == 1
    assert counts(scene) == [5, 2]


def test_of_two_that_sign_at_once_one_is_first_and_nothing_is_covered_twice(scene: Scene) -> None:
    other = scene.another(key=OTHER_KEY, name="seen2", trusted=[KEY])
    mine = scene.another(trusted=[OTHER_KEY], name="seen3")
    writer = Writer()
    for turn in range(6):
        scene.put(writer.write(3))
        (mine, other)[turn % 2].make()
    assert counts(scene) == [3] * 6
    assert scene.damage(trusted=[KEY, OTHER_KEY]) == set()


def test_the_slower_of_two_leaves_the_number_to_the_other(scene: Scene) -> None:
    writer = Writer()
    scene.put(writer.write(3))
    slow = scene.another(name="seen2")
    slow_look = slow._look()
    scene.checkpointer.make()
    assert slow._cover(slow_look, Care.STRICT) == 0
    assert counts(scene) == [3]


def test_a_checkpoint_of_a_key_that_is_not_trusted_is_not_gone_on_from(scene: Scene) -> None:
    scene.put(Writer().write(3))
    scene.another(key=OTHER_KEY, name="seen2").make()
    with pytest.raises(RefusedError, match="no trusted key"):
        scene.checkpointer.make()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET content = '{}' WHERE position = 4",
        "UPDATE records SET digest = zeroblob(32) WHERE position = 4",
        "UPDATE records SET content = replace(content, 'alice', 'mallo') WHERE position = 4",
    ],
)
def test_a_record_that_was_altered_after_it_came_is_not_signed(scene: Scene, statement: str) -> None:
    scene.put(Writer().write(5))
    scene.tamper(statement)
    with pytest.raises(RefusedError, match="position 4"):
        scene.checkpointer.make()
    assert counts(scene) == []
    scene.checkpointer.make(Care.AS_IS)
    assert [one.statement.faults for one in scene.checkpoints()] >= [1]


def test_a_broken_chain_is_signed_as_a_fault_so_that_a_lying_writer_stops_nobody(scene: Scene) -> None:
    writer = Writer()
    scene.put(writer.write(2))
    writer.previous = "sha256:" + "0" * 64
    scene.put([*writer.write(1), *Writer("b").write(1)])
    assert scene.checkpointer.make() == 1
    assert [one.statement.faults for one in scene.checkpoints()] == [1]


def test_a_chain_that_breaks_between_two_batches_is_noticed(scene: Scene) -> None:
    writer = Writer()
    scene.put(writer.write(2))
    scene.checkpointer.make()
    scene.put(writer.write(1))
    scene.checkpointer.make()
    writer.previous = "sha256:" + "0" * 64
    scene.put(writer.write(1))
    scene.checkpointer.make()
    assert [one.statement.faults for one in scene.checkpoints()] == [0, 0, 1]


def test_a_log_that_was_rolled_back_is_not_gone_on_from(scene: Scene) -> None:
    writer = Writer()
    for _ in range(3):
        scene.put(writer.write(1))
        scene.checkpointer.make()
    scene.tamper("DELETE FROM checkpoints WHERE number > 1")
    with pytest.raises(RefusedError, match="ends at checkpoint 1, and had checkpoint 3"):
        scene.checkpointer.make()
    with pytest.raises(RefusedError):
        scene.another().make()
    scene.tamper("DELETE FROM checkpoints")
    with pytest.raises(RefusedError):
        scene.another().make()


def test_a_history_that_another_checkpointer_forked_is_not_gone_on_from(scene: Scene) -> None:
    writer = Writer()
    scene.put(writer.write(1))
    scene.checkpointer.make()
    scene.tamper("DELETE FROM checkpoints")
    scene.hands.now += 5
    scene.another(name="nothing-seen").make()
    with pytest.raises(RefusedError, match="is not the one that was seen before"):
        scene.another().make()


def test_a_refusal_is_shown_until_a_checkpoint_is_made(scene: Scene) -> None:
    scene.put(Writer().write(1))
    scene.checkpointer.refuse("altered")
    assert scene.checkpointer.state.refused == "altered"
    scene.checkpointer.make()
    assert scene.checkpointer.state.refused is None


def test_more_runs_than_a_statement_lists_are_in_its_root(scene: Scene, tmp_path: Path) -> None:
    scene.every = 1000
    checkpointer = scene.another(name="seen2")
    scene.put([seal(decision(1, writer=f"w{number}", version=2)) for number in range(300)])
    checkpointer.make()
    heads = scene.checkpoints()[0].statement.heads
    assert (heads.count, heads.listed) == (300, ())
    assert scene.damage() == set()


def test_long_names_of_runs_make_no_large_statement(scene: Scene) -> None:
    scene.put([seal(decision(1, boot=f"{number:03}" + "\x01" * 253, version=2)) for number in range(60)])
    scene.every = 100
    scene.another(name="seen2").make()
    (checkpoint,) = scene.checkpoints()
    assert (checkpoint.statement.heads.count, checkpoint.statement.heads.listed) == (60, ())
    assert len(checkpoint.to_json()) < 4096
    assert scene.damage() == set()
