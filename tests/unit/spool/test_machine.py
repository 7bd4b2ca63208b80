"""A spool against a model of what it must keep, under failures of disk, sink and process in any order."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from enforcers.testing.records import InMemorySink
from pdp.core.contract.errors import RecordError
from pdp.core.contract.sealed import unseal
from pdp.core.settings.decision_point import LogMode
from pdp.spool.frame import read_segment
from pdp.spool.spool import Spool
from tests.unit.spool.spooling import Events, FailingDisk, assert_chained, crash, decision, make, until


def is_record(line: bytes) -> bool:
    try:
        unseal(line)
    except msgspec.MsgspecError:
        return False
    return True


class SpoolMachine(RuleBasedStateMachine):
    """`kept` is what callers were told to be kept, `may` what they were told may be lost by a power cut."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.path = Path(tempfile.mkdtemp(prefix="spool-machine-"))
        self.disk = FailingDisk()
        self.sink = InMemorySink()
        self.events = Events()
        self.spool: Spool | None = None
        self.names = 0
        self.kept: set[str] = set()
        self.lost: set[str] = set()
        self.has_failed_syncs = False

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 60))

    @initialize(mode=st.sampled_from(list(LogMode)), segment_bytes=st.sampled_from([1, 1500, 10_000]))
    def begin(self, mode: LogMode, segment_bytes: int) -> None:
        self.mode, self.segment_bytes = mode, segment_bytes
        self._start()

    def _start(self) -> None:
        self.spool = make(
            self.path,
            self.sink,
            mode=self.mode,
            events=self.events,
            disk=self.disk,
            segment_bytes=self.segment_bytes,
            sync_interval=600.0,
            linger=0.0,
            first_pause=0.001,
            longest_pause=0.01,
            drain=1.0,
        )
        self._do(self.spool.start())

    @rule(sizes=st.lists(st.integers(1, 3), min_size=1, max_size=4), padding=st.sampled_from([0, 700]))
    def append(self, sizes: list[int], padding: int) -> None:
        spool = self._running()
        groups = []
        for size in sizes:
            groups.append([str(self.names + n) for n in range(size)])
            self.names += size

        async def append_all() -> list[Any]:
            asked = (spool.append([decision(name, padding=padding) for name in group]) for group in groups)
            return await asyncio.gather(*asked, return_exceptions=True)

        for group, result in zip(groups, self._do(append_all()), strict=True):
            assert result is None or isinstance(result, RecordError)
            if result is None:
                self.kept.update(group)

    @rule(room=st.integers(0, 3000), fails_cuts=st.booleans())
    def fill_the_disk(self, room: int, fails_cuts: bool) -> None:  # noqa: FBT001 - a rule's draw
        self.disk.room, self.disk.fails_cuts = room, fails_cuts

    @rule()
    def break_syncs(self) -> None:
        self.has_failed_syncs = True
        self.disk.fails_syncs = True

    @rule()
    def repair_the_disk(self) -> None:
        self.disk.room, self.disk.fails_cuts, self.disk.fails_syncs = None, False, False

    @rule(gone=st.booleans())
    def store(self, gone: bool) -> None:  # noqa: FBT001
        self.sink.unreachable = "gone" if gone else None

    @rule(number=st.integers(0, 60))
    def refuse(self, number: int) -> None:
        name = str(number)
        if name not in {unseal(content).record.id for content in self.sink.contents}:
            self.sink.refuses.add(name)

    @rule()
    def kill(self) -> None:
        self._do(crash(self._running()))
        self._start()

    @rule()
    def restart(self) -> None:
        self._do(self._running().aclose())
        self._start()

    @precondition(lambda self: not self.has_failed_syncs)  # after one, what is on the disk is anybody's guess
    @rule(part=st.floats(0, 1))
    def cut_the_power(self, part: float) -> None:
        """Of each file, what was never synced is there or not, from its end."""
        self._do(crash(self._running()))
        for segment in sorted((self.path / "0").glob("0*.log")):
            status = segment.stat()
            synced = self.disk.synced.get(status.st_ino, 0)
            if synced < status.st_size:
                content = segment.read_bytes()
                left = synced + int((status.st_size - synced) * part)
                gone = [one for one in read_segment(content).frames if one.end > left]
                self.lost |= {unseal(one.content).record.id for one in gone}
                segment.write_bytes(content[:left])
                for later in sorted((self.path / "0").glob("0*.log")):
                    if later.name > segment.name:
                        self.lost |= {unseal(f.content).record.id for f in read_segment(later.read_bytes()).frames}
                        later.unlink()
                break
        if self.mode is LogMode.DURABLE:
            assert not self.lost & self.kept
        self.kept -= self.lost
        self._start()

    @invariant()
    def _nothing_is_damaged(self) -> None:
        assert self.events.named("spool_segment_damaged") == []

    def teardown(self) -> None:
        try:
            if self.spool is not None:
                self._settle()
        finally:
            if self.spool is not None:
                self._do(self.spool.aclose())
            self.loop.close()
            shutil.rmtree(self.path)

    def _settle(self) -> None:
        """Everything works again: what was kept is there, once, in a chain without a gap."""
        self.repair_the_disk()
        self.sink.unreachable = None
        spool = self._running()
        self._do(spool.append([decision("end")]))
        self._do(until(lambda: spool.standing().records == 0))
        refused_log = self.path / "0" / "refused.log"
        lines = refused_log.read_bytes().splitlines() if refused_log.exists() else []
        # what an interrupted write has left there is a line of its own, and no record
        refused = [line for line in lines if line.endswith(b"}") and is_record(line)]
        # records may come again, but as they were
        arrived = list(dict.fromkeys((*self.sink.contents, *refused)))
        arrived.sort(key=lambda content: (unseal(content).record.boot, unseal(content).record.sequence))
        ids = [unseal(content).record.id for content in arrived]
        assert len(set(ids)) == len(ids)
        assert self.kept <= set(ids)
        if not self.lost:
            assert_chained(arrived)

    def _running(self) -> Spool:
        assert self.spool is not None
        return self.spool


SpoolMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSpool = SpoolMachine.TestCase
