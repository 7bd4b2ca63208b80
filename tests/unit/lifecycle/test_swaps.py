"""Activation by one reference: whoever decides meanwhile sees one whole bundle, never half of two."""

import threading
from pathlib import Path

from pdp.core.bundle.content import content_digest
from pdp.lifecycle.deciding import ActiveDecider
from tests.unit.lifecycle.scene import QUESTION, Scene, files

SWAPS = 30
READERS = 3


def test_decisions_under_constant_swaps_are_each_of_one_whole_bundle(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trust=None)
    names = {serial: f"n{serial}" for serial in range(1, SWAPS + 1)}
    digests = {serial: content_digest(files(name)) for serial, name in names.items()}
    scene.channel.publish(files("n1"), 1, by=[], now=None)
    scene.start()
    decider = ActiveDecider(scene.active, clock=scene.time.clock())
    wrong: list[object] = []
    counts = [0] * READERS
    stop = threading.Event()

    def read(number: int) -> None:
        newest = 0
        while not stop.is_set():
            answer = decider.evaluate(QUESTION).context.toolgate
            expected = (digests[answer.generation], [names[answer.generation]])
            if (answer.bundle, list(answer.policies)) != expected or answer.generation < newest:
                wrong.append(answer)
            pair = scene.active.in_force
            if pair.bundle.manifest != pair.head.unverified():
                wrong.append(pair)
            newest = answer.generation
            counts[number] += 1

    threads = [threading.Thread(target=read, args=[number]) for number in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        for serial in range(2, SWAPS + 1):
            scene.channel.publish(files(names[serial]), serial, by=[], now=None)
            scene.look()
            assert (scene.in_force(), scene.trouble()) == ((serial, names[serial]), None)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert min(counts) > SWAPS


def test_looks_at_once_take_turns(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trust=None)
    scene.channel.publish(files("one"), 1, by=[], now=None)
    scene.start()
    scene.channel.publish(files("two"), 2, by=[], now=None)
    before = scene.channel.fetched
    threads = [threading.Thread(target=scene.active.refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (scene.in_force(), scene.channel.fetched, scene.trouble()) == ((2, "two"), before + 1, None)
