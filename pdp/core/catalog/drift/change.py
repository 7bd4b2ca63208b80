"""One thing that changed, in words, and what it weighs for who reviews it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ChangeKind(StrEnum):
    """What sort of change it is."""

    TEXT_CHANGED = "text_changed"
    PARAMETER_ADDED = "parameter_added"
    PARAMETER_REMOVED = "parameter_removed"
    BECAME_REQUIRED = "became_required"
    BECAME_OPTIONAL = "became_optional"
    TYPE_CHANGED = "type_changed"
    CONSTRAINT_LOOSENED = "constraint_loosened"
    CONSTRAINT_TIGHTENED = "constraint_tightened"
    CONSTRAINT_CHANGED = "constraint_changed"
    DEFAULT_CHANGED = "default_changed"
    FORMAT_CHANGED = "format_changed"
    REFERENCE_CHANGED = "reference_changed"
    ANNOTATION_CHANGED = "annotation_changed"
    MEMBER_CHANGED = "member_changed"
    REWRITTEN = "rewritten"
    MORE = "more"


class Weight(StrEnum):
    """What to look at first, in this order."""

    LOOSENED = "loosened"
    """More is accepted, or more will be trusted, than was approved."""
    BEHAVIOUR = "behaviour"
    """It may do, take or answer something else, in a way that is neither more nor less."""
    WORDING = "wording"
    """What a model reads is another text."""
    TIGHTENED = "tightened"
    """Less is accepted than was approved."""
    FORM = "form"
    """The same is said in another way, or only people's clients show it."""


ORDER: Final = {weight: place for place, weight in enumerate(Weight)}


@dataclass(frozen=True, slots=True)
class Change:
    """One change in one line: `where` is a JSON Pointer into the definition, long steps cut."""

    kind: ChangeKind
    where: str
    text: str
    weight: Weight


def ranked(changes: list[Change]) -> tuple[Change, ...]:
    """The changes, the ones to look at first in front."""
    return tuple(
        sorted(set(changes), key=lambda change: (ORDER[change.weight], change.where, change.kind, change.text))
    )
