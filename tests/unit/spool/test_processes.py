"""A spool in a process of its own: killed at random instants, and with a limit on the size of its files."""

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from enforcers.testing.records import InMemorySink
from pdp.core.contract.sealed import unseal
from pdp.core.settings.decision_point import LogMode
from tests.unit.spool.spooling import Events, assert_chained, spooling, until

_APPENDING = """
import asyncio, sys
from pathlib import Path
from enforcers.testing.records import InMemorySink
from pdp.core.settings.decision_point import LogMode
from tests.unit.spool.spooling import decision, make

async def main():
    sink = InMemorySink()
    sink.unreachable = "gone"
    spool = make(Path(sys.argv[1]), sink, mode=LogMode(sys.argv[2]), segment_bytes=20_000)
    await spool.start()

    async def append(task):
        for number in range(100_000):
            await spool.append([decision(f"{sys.argv[3]}-{task}-{number}")])
            print(f"{sys.argv[3]}-{task}-{number}", flush=True)

    await asyncio.gather(*(append(task) for task in range(8)))

asyncio.run(main())
"""


def _killed(path: Path, mode: LogMode, run: int, *, after: int) -> list[str]:
    """What a process that was killed after about so many records was told to be kept."""
    process = subprocess.Popen(
        [sys.executable, "-c", _APPENDING, str(path), mode, str(run)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    kept = [process.stdout.readline().strip() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    # the last line may be half of one
    rest = process.stdout.read()
    process.wait()
    return [*kept, *rest.splitlines()[: None if rest.endswith("\n") else -1]]


@pytest.mark.parametrize("mode", list(LogMode))
async def test_a_killed_process_loses_nothing_that_was_kept(tmp_path: Path, mode: LogMode) -> None:
    chance = random.Random(11)
    kept: list[str] = []
    for run in range(5):
        kept += await asyncio.to_thread(_killed, tmp_path, mode, run, after=chance.randint(1, 120))
    sink, events = InMemorySink(), Events()
    async with spooling(tmp_path, sink, events=events) as spool:
        await until(lambda: spool.standing().records == 0)
    ids = [unseal(content).record.id for content in sink.contents]
    assert set(kept) <= set(ids)
    assert len(ids) == len(set(ids))
    assert_chained(sink.contents)
    assert events.named("spool_segment_damaged") == []


_LIMITED = """
import asyncio, resource, signal, sys
from pathlib import Path
from enforcers.testing.records import InMemorySink
from pdp.core.contract.errors import RecordError
from tests.unit.spool.spooling import decision, make

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sink = InMemorySink()
    sink.unreachable = "gone"
    spool = make(Path(sys.argv[1]), sink)
    await spool.start()
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    kept = []
    for number in range(40):
        try:
            await spool.append([decision(str(number), padding=100)])
            kept.append(str(number))
        except RecordError as error:
            reason = error.detail
    assert spool.standing().unusable == reason, reason
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await spool.append([decision("end")])
    print(reason, *kept, "end", sep="\\n")
    await spool.aclose()

asyncio.run(main())
"""


async def test_a_limit_on_the_size_of_files_denies_and_leaves_no_gap(tmp_path: Path) -> None:
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _LIMITED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    reason, *kept = done.stdout.splitlines()
    assert reason == "the spool cannot be written: File too large"
    assert 2 < len(kept) < 40
    sink = InMemorySink()
    async with spooling(tmp_path, sink) as spool:
        await until(lambda: spool.standing().records == 0)
    assert [record.id for record in sink.records] == kept
    assert_chained(sink.contents)
