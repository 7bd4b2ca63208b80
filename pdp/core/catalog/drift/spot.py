"""Where in a schema a comparison stands, in words and as a pointer, and what a change there weighs."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pdp.core.catalog.drift.change import Change, ChangeKind, Weight
from pdp.core.catalog.drift.wording import named
from pdp.core.text.place import WHOLE, Place


class Side(StrEnum):
    """Whose values a schema describes."""

    ARGUMENTS = "arguments"
    RESULT = "result"


class Sense(StrEnum):
    """Whether what accepts more here makes the whole schema accept more."""

    SAME = "same"
    UNSURE = "unsure"


class Direction(StrEnum):
    """What a change does to the values that are accepted."""

    MORE = "more"
    LESS = "less"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Spot:
    """A schema within a definition: `place` from the definition's root, `path` through the values it describes."""

    place: Place
    side: Side
    root: str = ""
    path: Place = WHOLE
    branch: str = ""
    used: str = ""
    sense: Sense = Sense.SAME
    depth: int = 0

    @property
    def subject(self) -> str:
        """What the schema describes: ``parameter `path` ``, ``parameter `/files/*/path` ``, `the arguments`."""
        steps = self.path.steps()
        within = f" (in `{self.branch}`)" if self.branch else ""
        if self.root:
            inner = f"{named(str(self.path))} of " if steps else ""
            return f"{inner}definition {named(self.root)}{self.used}{within}"
        if not steps:
            return f"the {self.side}{within}"
        noun = "parameter" if self.side is Side.ARGUMENTS else "result member"
        return f"{noun} {named(str(steps[0]) if len(steps) == 1 else str(self.path))}{within}"

    def below(self, *steps: str | int, value: str | int | None = None) -> "Spot":
        """The schema at `steps`, which describes the value at `value` below this one's, or the same value."""
        place = self.place
        for step in steps:
            place /= step
        return replace(self, place=place, path=self.path if value is None else self.path / value, depth=self.depth + 1)

    def within(self, branch: str, *, sense: Sense) -> "Spot":
        """The same spot as a branch of a schema; unsure stays unsure."""
        return replace(self, branch=branch, sense=self.sense if sense is Sense.SAME else sense)

    def change(self, kind: ChangeKind, text: str, *, weight: Weight, at: str | None = None) -> Change:
        """A change at this spot, or at the keyword `at` of it."""
        return Change(kind, str(self.place if at is None else self.place / at), text, weight)

    def rewritten(self, keyword: str) -> Change:
        """The keyword says the same in another way."""
        text = f"{named(keyword)} of {self.subject} is written in another way and says the same"
        return self.change(ChangeKind.REWRITTEN, text, weight=Weight.FORM, at=keyword)

    def limit(self, keyword: str | None, text: str, *, direction: Direction, kind: ChangeKind | None = None) -> Change:
        """A change of what is accepted, of `kind` where that has a name of its own."""
        certain = Direction.OTHER if self.sense is Sense.UNSURE else direction
        weight = Weight.BEHAVIOUR if self.side is Side.RESULT else _WEIGHTS[certain]
        return self.change(kind or _KINDS[certain], text, weight=weight, at=keyword)


_KINDS: Final = {
    Direction.MORE: ChangeKind.CONSTRAINT_LOOSENED,
    Direction.LESS: ChangeKind.CONSTRAINT_TIGHTENED,
    Direction.OTHER: ChangeKind.CONSTRAINT_CHANGED,
}
_WEIGHTS: Final = {
    Direction.MORE: Weight.LOOSENED,
    Direction.LESS: Weight.TIGHTENED,
    Direction.OTHER: Weight.BEHAVIOUR,
}
