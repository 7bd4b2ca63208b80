"""How a decision point's bundle stands: whether its source was reached, what was refused, how old it is."""

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """Why the newest bundle of the source is not in force."""

    UNAVAILABLE = "source_unavailable"
    """The source could not be reached, or not read whole."""
    REFUSED = "bundle_refused"
    """It has problems: it does not compile, or has files that a bundle cannot have."""
    UNTRUSTED = "bundle_untrusted"
    """It must not be believed: signatures, serials, digests."""
    UNKEPT = "bundle_unkept"
    """It could not be archived, or the state not be written."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`trouble` and `error` say why the newest is not in force, None where it is.

    `confirmed` is when the source was last seen to have nothing newer that could be used, on the steady clock;
    `fresh_at`, in Unix seconds, when the active bundle was last known to be the newest, by its publisher's signed
    statement where there is one.
    """

    trouble: Trouble | None = None
    error: str | None = None
    confirmed: float | None = None
    fresh_at: float | None = None
