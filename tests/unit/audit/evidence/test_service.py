import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from pdp.audit.evidence.export import Exporter, Leaves
from pdp.audit.evidence.service import CheckpointService, Stop
from tests.unit.audit.evidence.scene import Scene, Writer
from tests.unit.audit.evidence.test_export import Place

DEADLINE = 30.0


def service(scene: Scene, place: Place, closed: list[bool]) -> CheckpointService:
    stop = Stop()
    exporter = Exporter(
        place, scene.another_ledger(), leaves=Leaves.WITHOUT, log=structlog.get_logger(), is_stopping=stop.is_set
    )
    return CheckpointService(
        scene.checkpointer, [exporter], stop, lambda: closed.append(True), structlog.get_logger(), poll=0.01
    )


@asynccontextmanager
async def running(made: CheckpointService) -> AsyncIterator[None]:
    task = asyncio.create_task(made.watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not met():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.01)


async def test_checkpoints_come_and_go_outside_while_it_runs_and_end_with_it(scene: Scene) -> None:
    place, closed = Place(), list[bool]()
    made = service(scene, place, closed)
    async with running(made):
        scene.put(Writer().write(10))
        await until(lambda: len(place.got) == 1)
        await until(lambda: made.standing()["exports"][0]["behind"] == 0)
        assert made.standing()["number"] == 1
    assert closed == [True]
    assert scene.damage() == set()


async def test_a_refusal_is_told_and_goes_when_the_log_is_as_it_was(scene: Scene) -> None:
    made = service(scene, Place(), [])
    async with running(made):
        await until(lambda: made.standing()["number"] == 1)
        writer = Writer()
        first = writer.write(9)
        scene.put(first)
        # The tenth, which makes a checkpoint due, is altered in the transaction in which it comes.
        (record,) = writer.write(1)
        scene.tamper("CREATE TRIGGER alters AFTER INSERT ON records BEGIN UPDATE records SET content = 'x'; END")
        scene.put([record])
        await until(lambda: made.standing()["refused"] is not None)
        assert "position 1 " in made.standing()["refused"]
        for position, one in enumerate([*first, record], 1):
            scene.tamper("UPDATE records SET content = :content WHERE position = :at", content=one.content, at=position)
        await until(lambda: made.standing()["refused"] is None and made.standing()["number"] == 2)
