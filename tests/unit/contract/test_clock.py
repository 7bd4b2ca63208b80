import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from enforcers.clock import system_clock
from pdp.core.contract.clock import Clock, IdentifierRandomness


def counting() -> Callable[[int], bytes]:
    """Bytes that are a number, another in each ten."""
    numbers = itertools.count()

    def source(size: int) -> bytes:
        return b"".join(next(numbers).to_bytes(10) for _ in range(size // 10 + 1))[:size]

    return source


def test_no_two_identifiers_share_randomness() -> None:
    clock = Clock(lambda: 1.0, lambda: 1.0, IdentifierRandomness(counting()))
    identifiers = [clock.identifier() for _ in range(2000)]
    assert len(set(identifiers)) == len(identifiers)


def test_threads_never_get_the_same_piece() -> None:
    randomness = IdentifierRandomness(counting())
    with ThreadPoolExecutor(8) as pool:
        pieces = [
            piece for part in pool.map(lambda _: [randomness(10) for _ in range(2000)], range(8)) for piece in part
        ]
    assert len(set(pieces)) == len(pieces) == 16_000


def test_what_is_no_identifier_comes_from_the_source_itself() -> None:
    asked = []

    def source(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    randomness = IdentifierRandomness(source)
    assert [len(randomness(size)) for size in (32, 10, 10, 1, 0)] == [32, 10, 10, 1, 0]
    assert [size for size in asked if size < 100] == [32, 1, 0]
    assert len(asked) == 4


def test_a_forked_process_makes_identifiers_of_its_own() -> None:
    randomness = system_clock().randomness
    randomness(10)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, randomness(10))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as childs:
        piece = childs.read()
    assert len(piece) == 10
    assert piece != randomness(10)
