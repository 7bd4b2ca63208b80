"""Killed at any moment, what makes checkpoints covers no record twice and passes none over."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.log_places import LogPlace
from tests.unit.audit.evidence.scene import Scene, Writer

PROGRAM = """
import sys
from pathlib import Path
from tests.unit.audit.evidence.scene import Scene, Writer

scene = Scene(Path(sys.argv[1]), every=3, url=sys.argv[2])
writer = Writer(boot=sys.argv[3])
print("ready", flush=True)
while True:
    scene.put(writer.write(7))
    scene.checkpointer.make()
    print("more", flush=True)
"""
SEED = 7


@pytest.fixture
def scene(place: LogPlace, tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path, every=3, url=place.url)
    yield made
    made.close()


def test_it_goes_on_where_it_was_killed(scene: Scene, root: Path, tmp_path: Path) -> None:
    moments = random.Random(SEED)
    for turn in range(5):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), scene.url, f"b{turn}"]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(1 + moments.randrange(6)):
                assert process.stdout.readline()
            # Somewhere in the next round, which a busy loop of varying length decides.
            for _ in range(moments.randrange(200_000)):
                pass
            process.kill()
    scene.checkpointer.make()
    report = scene.verify(scene.held())
    assert report.findings.ordered() == []
    assert report.uncovered == 0
    batches = [one.statement.batch for one in scene.checkpoints()]
    assert sum(batch.count for batch in batches) == report.records
    scene.put(Writer(boot="after").write(1))
    assert scene.checkpointer.make() == 1
