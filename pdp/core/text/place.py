"""Places in a JSON value, and walking over it within bounds of work: one step a value, however deep."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_MAX_STEP: Final = 128


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: the last step and the place it starts from, None for the whole document.

    INVARIANT: making one costs the same however deep it is; its text is made for the few that are told.
    """

    above: "Place | None" = None
    step: str | int = ""

    def __truediv__(self, step: str | int) -> "Place":
        return Place(self, step)

    def __str__(self) -> str:
        """A JSON Pointer (RFC 6901); steps of more than 128 characters are cut."""
        return "".join(f"/{_escaped(step)}" for step in self.steps())

    def steps(self) -> list[str | int]:
        """The steps from the document down."""
        found: list[str | int] = []
        at = self
        while at.above is not None:
            found.append(at.step)
            at = at.above
        return found[::-1]


WHOLE: Final = Place()


def values_in(document: Any, *, at: Place = WHOLE) -> Iterator[tuple[Place, int, Any]]:
    """Every value of `document` with its place and depth, itself first with depth 0, in no order."""
    open_: list[tuple[Place, int, Any]] = [(at, 0, document)]
    while open_:
        place, depth, value = open_.pop()
        yield place, depth, value
        if isinstance(value, str):
            continue
        if isinstance(value, dict):
            open_ += [(place / name, depth + 1, part) for name, part in value.items()]
        elif isinstance(value, list):
            open_ += [(place / index, depth + 1, part) for index, part in enumerate(value)]


def _escaped(step: str | int) -> str:
    text = str(step)
    cut = text if len(text) <= _MAX_STEP else f"{text[:_MAX_STEP]}…"
    return cut.replace("~", "~0").replace("/", "~1")
