"""What a schema lets through as a whole: `additionalProperties: false`, and schemas that are `true` or `{}`."""

from enum import StrEnum
from typing import Any, Final

from pdp.core.catalog.drift.change import Change
from pdp.core.catalog.drift.keyword import Absent, moved
from pdp.core.catalog.drift.spot import Direction, Spot
from pdp.core.catalog.drift.wording import named


class Openness(StrEnum):
    """Whether a schema accepts no value, some, or any."""

    NONE = "none"
    SOME = "some"
    ANY = "any"


_ORDER: Final = tuple(Openness)


def openness(schema: Any) -> Openness:
    """What `schema` accepts, as far as that shows at once; a keyword that is absent limits nothing."""
    if schema is False:
        return Openness.NONE
    return Openness.ANY if schema is True or schema == {} or isinstance(schema, Absent) else Openness.SOME


def direction(approved: Any, offered: Any) -> Direction | None:
    """Whether a schema accepts more or less than another, None where both accept the same, as far as it shows."""
    before, now = _ORDER.index(openness(approved)), _ORDER.index(openness(offered))
    if before == now:
        return None
    return Direction.MORE if now > before else Direction.LESS


def opened(spot: Spot, keyword: str, *, approved: Any, offered: Any) -> Change:
    """The change of a keyword with one schema, of which at least one accepts nothing or anything."""
    towards = direction(approved, offered)
    if towards is None:
        return spot.rewritten(keyword)
    if keyword == "additionalProperties" and Openness.NONE not in {openness(approved), openness(offered)}:
        # Names that nothing declares are refused by an enforcer, so a schema for them lets some through.
        towards = Direction.OTHER
    text = f"{named(keyword)} of {spot.subject} {moved(approved, offered)}"
    if keyword == "additionalProperties":
        text = f"{_undeclared(spot.subject, openness(offered))}: {named(keyword)} {moved(approved, offered)}"
    return spot.limit(keyword, text, direction=towards)


def _undeclared(subject: str, offered: Openness) -> str:
    match offered:
        case Openness.NONE:
            return f"{subject} may no longer have members that are not declared"
        case Openness.SOME:
            return f"members of {subject} that are not declared have a schema of their own now"
        case Openness.ANY:
            return f"{subject} may have any members that are not declared"
