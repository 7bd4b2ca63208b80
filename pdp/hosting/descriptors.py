"""How many files and connections this process may have open."""

import resource
from typing import Final

SPARE: Final = 256
"""Files that are no connections: databases, key files, pipes, what is read meanwhile."""


def make_room(connections: int) -> int:
    """Let this process have `connections` open at once and `SPARE` files beside them; how many connections that gives.

    Where the system has few, half of them are for connections. Its hard limit stays; the soft one, often 1024, is
    there for programs that cannot count further.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return connections if soft == resource.RLIM_INFINITY else min(connections, max(soft // 2, soft - SPARE))
