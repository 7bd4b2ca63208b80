"""How the active bundle stands, as health, metrics and administration tell it."""

import math
from dataclasses import dataclass

from pdp.core.contract.errors import Refused
from pdp.lifecycle.standing import Trouble
from pdp.server.decider import Bundles


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """How the active bundle stands now.

    `trouble` says why the newest is not in force, `unusable` why the active one decides nothing; both are None where
    there is nothing to say. Ages are milliseconds: since the source was confirmed, None where it never
    was; and since the bundle was known to be the newest, None where that has no bound.
    """

    source: str
    trouble: Trouble | None
    unusable: str | None
    source_age_ms: int | None
    bundle_age_ms: int | None


def facts_of(bundles: Bundles) -> BundleFacts:
    """The facts of now."""
    return BundleFacts(
        source=bundles.source,
        trouble=bundles.standing.trouble,
        unusable=_unusable(bundles),
        source_age_ms=milliseconds(bundles.confirmed_ago()),
        bundle_age_ms=None if bundles.max_age is None else milliseconds(bundles.age()),
    )


def milliseconds(seconds: float | None) -> int | None:
    """Whole milliseconds, rounded up since it is an age; None for no age and for one without end."""
    return None if seconds is None or math.isinf(seconds) else math.ceil(seconds * 1000)


def _unusable(bundles: Bundles) -> str | None:
    try:
        bundles.usable()
    except Refused as refusal:
        return refusal.detail
    return None
