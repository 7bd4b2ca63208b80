"""What the log answered for is there after its process was killed, at any moment."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.query import Query
from pdp.audit.sqlite import SqliteReader, SqliteStore
from tests.unit.audit.sample import decision, put

WRITER = """
import asyncio, sys
from pathlib import Path
import structlog
from pdp.audit.ingest import LogWriter
from pdp.audit.sqlite import SqliteStore
from tests.unit.audit.sample import put, decision

async def commit_for_ever(writer, start):
    number = start
    while True:
        await writer.commit(seal(decision(number)))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
        number += 8

async def main():
    writer = LogWriter(SqliteStore(Path(sys.argv[1])), log=structlog.get_logger())
    writer.start()
    await asyncio.gather(*(commit_for_ever(writer, start) for start in range(1, 9)))

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 97, 800])
def test_a_killed_writer_loses_nothing_it_answered_for(tmp_path: Path, root: Path, after: int) -> None:
    path = tmp_path / "log.db"
    told = []
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append(int(line))
            if len(told) == after:
                process.kill()
                break
        told += [int(line) for line in process.stdout if line.endswith("\n")]
    with closing(SqliteStore(path)) as store:
        put(store, [decision(1, boot="after")])
    with closing(SqliteReader(path)) as reader:
        kept = {entry.decision.sequence for entry in reader.find(Query(limit=100_000)) if entry.decision.boot == "b1"}
    assert set(told) <= kept
    assert len(kept - set(told)) <= 8, "what was committed and not yet answered"
