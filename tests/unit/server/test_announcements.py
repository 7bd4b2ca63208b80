import asyncio

import pytest

from pdp.audit.ingest import LogWriter
from pdp.audit.store import Announcement, Run, StoreUnavailableError
from pdp.core.contract.run_head import MAX_RUNS, RunHead, heads_text, read_heads
from pdp.server import announcements as module
from pdp.server.announcements import Announcements
from pdp.server.arrears import Arrear, arrears_of
from tests.unit.audit.sample import MemoryStore
from tests.unit.server.hosting import KEY, bearer, hosting, ticking_clock
from tests.unit.server.test_health import metrics
from tests.unit.spool.spooling import until
from tests.unit.tokens.minting import Events

CATALOG = "/v1/catalog"


def test_heads_are_read_as_they_were_written() -> None:
    heads = [RunHead(f"0198f0c2-1111-7000-8000-{n:012}", n + 1) for n in range(MAX_RUNS)]
    assert read_heads(heads_text(heads)) == heads
    assert read_heads("a;1, b;2") == [RunHead("a", 1), RunHead("b", 2)]


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "a", "a;", ";1", "a;0", "a;-1", "a;01", "a;1,", "a;1;2", "a;1,a;2", "a b;1", "a;\u0661"),
        "a;1" + "0" * 18,
        ",".join(f"b{n};1" for n in range(MAX_RUNS + 1)),
        "x" * 65 + ";1",
        "a;1,\n",
    ],
)
def test_what_says_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_heads(text)


async def test_an_enforcers_word_about_its_runs_comes_to_the_log() -> None:
    async with hosting() as host:
        headers = bearer(KEY) | {"toolgate-records": "boot-2;7,boot-1;300"}
        assert (await host.client.get(CATALOG, headers=headers)).status_code == 200
        await until(lambda: len(host.store.announced) == 2)
    at = 1_785_229_200.0
    assert host.store.announced == [
        Announcement("gateway", "boot-2", 7, at),
        Announcement("gateway", "boot-1", 300, at),
    ]


@pytest.mark.parametrize("path", [CATALOG, "/v1/records"])
async def test_a_header_that_says_something_else_is_refused(path: str) -> None:
    async with hosting() as host:
        headers = bearer(KEY) | {"toolgate-records": "boot-2;seven"}
        ask = (
            host.client.get(path, headers=headers)
            if path == CATALOG
            else host.client.post(path, headers=headers, json=[])
        )
        assert (await ask).status_code == 400
        assert host.store.announced == []


async def test_nobody_else_is_believed() -> None:
    async with hosting() as host:
        await host.client.get(CATALOG, headers={"toolgate-records": "boot-2;7"})
        await host.client.get(CATALOG, headers=bearer(KEY) | {"toolgate-records": "boot-3;8"})
        await until(lambda: bool(host.store.announced))
    assert [one.boot for one in host.store.announced] == ["boot-3"]


async def test_what_does_not_change_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 0.0)
    store = MemoryStore()
    writer = LogWriter(store, log=Events().log())
    writer.start()
    announcements = Announcements(writer, clock=ticking_clock())
    running = asyncio.create_task(announcements.run())
    for number in (1, 1, 3, 2, 3):
        announcements.take("gateway", [RunHead("boot", number)])
        await until(lambda: not announcements._new)
    announcements.take("gateway", [RunHead("other", 1)])
    await until(lambda: bool(store.announced) and store.announced[-1].boot == "other")
    running.cancel()
    await writer.aclose()
    assert [(one.boot, one.sequence) for one in store.announced] == [("boot", 1), ("boot", 3), ("other", 1)]


async def test_a_word_that_the_log_does_not_take_is_brought_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 0.001)
    store = MemoryStore()
    failures = iter(range(3))

    def judge(_: object) -> None:
        if next(failures, None) is not None:
            raise StoreUnavailableError("locked")

    store.judge = judge
    writer = LogWriter(store, log=Events().log())
    writer.start()
    announcements = Announcements(writer, clock=ticking_clock())
    running = asyncio.create_task(announcements.run())
    announcements.take("gateway", [RunHead("boot", 1)])
    await until(lambda: bool(store.announced))
    running.cancel()
    await writer.aclose()


async def test_a_writer_with_many_runs_does_not_grow_what_is_remembered() -> None:
    announcements = Announcements(LogWriter(MemoryStore(), log=Events().log()), clock=ticking_clock())
    for number in range(1000):
        announcements.take("gateway", [RunHead(f"boot-{number}", 1)])
    assert len(announcements._new) == MAX_RUNS
    assert len(announcements._said["gateway"]) == MAX_RUNS


async def test_what_has_not_come_is_counted_by_enforcer() -> None:
    runs = [Run("edge", "a", 10, 7, 12, 1), Run("edge", "b", 5, 5), Run("gateway", "c", 3, 3, 2, 1)]
    assert arrears_of(runs) == {"edge": Arrear(3, 2), "gateway": Arrear(0, 0)}
    async with hosting() as host:
        host.store.runs = runs
        await host.arrears.refresh()
        counted = await metrics(host)
    assert counted["toolgate_log_records_missing,enforcer=edge"] == 3
    assert counted["toolgate_log_records_behind,enforcer=edge"] == 2
    assert counted["toolgate_log_records_missing,enforcer=gateway"] == 0
