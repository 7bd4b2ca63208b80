import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pdp.hosting.descriptors import SPARE, make_room


@pytest.fixture(autouse=True)
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_rises_to_what_is_wanted_and_never_falls(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    assert make_room(1000) == 1000
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (1000 + SPARE, hard)
    assert make_room(10) == 10
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (1000 + SPARE, hard)


def test_beyond_the_hard_limit_there_is_what_there_is(limits: tuple[int, int]) -> None:
    _, hard = limits
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this system has no hard limit")
    assert make_room(hard * 2) == hard - SPARE
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_where_there_are_few_half_are_for_connections() -> None:
    # In a process of its own: a hard limit that was lowered cannot be raised again by everybody.
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200));"
        "from pdp.hosting.descriptors import make_room; print(make_room(2000))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("100", "")
