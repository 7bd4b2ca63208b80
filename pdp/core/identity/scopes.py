"""Scope hierarchies: a scope that was granted grants the scopes that it implies."""

from collections.abc import Iterable, Mapping


class ScopeCycleError(ValueError):
    """A scope implies itself; `scope` is one on the way round."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"scope `{scope}` implies itself")


def closed(implies: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """What each scope implies, directly or not, sorted.

    Raises:
        ScopeCycleError: one implies itself.

    """
    found: dict[str, frozenset[str]] = {}
    for scope in implies:
        reached: set[str] = set()
        waiting = list(implies[scope])
        while waiting:
            one = waiting.pop()
            if one == scope:
                raise ScopeCycleError(scope)
            if one not in reached:
                reached.add(one)
                waiting += implies.get(one, ())
        found[scope] = frozenset(reached)
    return {scope: tuple(sorted(reached)) for scope, reached in found.items()}


def granted(scopes: Iterable[str], implies: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """`scopes` with all that they imply under the closed `implies`, sorted."""
    own = set(scopes)
    return tuple(sorted(own.union(*(implies.get(scope, ()) for scope in own))))
