"""Conditions as `identity.yaml` writes them."""

from typing import Any

from msgspec import UNSET

from pdp.core.document.sections import Sections, where
from pdp.core.document.tree import SettingPath
from pdp.core.identity.condition import MAX_NESTING, Condition, form_of
from pdp.core.identity.source_file import read_claim

_FORMS = "a condition is `claim` with one of `equals`, `equals_claim`, `starts_with`, `ends_with`, `has` and `is`, or "
_FORMS += "else one of `all`, `any` and `not`"


def read_condition(sections: Sections, value: Any, at: SettingPath, *, depth: int = 1) -> Condition | None:
    """The condition at `at`, None where something in it is wrong."""
    if depth > MAX_NESTING:
        sections.report(at, f"conditions nest at most {MAX_NESTING} deep")
        return None

    def claim(part: Any, place: SettingPath) -> tuple[str, ...]:
        paths = read_claim(sections, part, place)
        if not paths:
            sections.report(place, f"{where(place)} names no claim")
        return paths

    def one(part: Any, place: SettingPath) -> Any:
        return read_condition(sections, part, place, depth=depth + 1) or UNSET

    def several(part: Any, place: SettingPath) -> Any:
        listed = sections.take(part, list[Any], place) or []
        if not listed:
            sections.report(place, f"{where(place)} needs conditions: of none it is not clear what holds")
        return tuple(one(each, (*place, index)) for index, each in enumerate(listed))

    found = sections.struct(
        value, Condition, at, claim=claim, equals_claim=claim, every=several, some=several, negated=one
    )
    if found is not None and not form_of(found):
        sections.report(at, _FORMS)
        return None
    return found
