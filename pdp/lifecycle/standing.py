"""How a decision point's bundle stands: whether its source was reached, what was refused, how old it is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from pdp.core.contract.errors import BundleError, ConfigurationError, ToolgateError
from pdp.lifecycle.archive import ArchiveError
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.state import StateError

MAX_TOLD: Final = 20
"""Problems that are told of one bundle; `toolgate check` tells all."""


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
    FAILED = "activation_failed"
    """Something that nobody foresaw went wrong with it: a defect of ours."""


class ActivationError(ToolgateError):
    """Something that nobody foresaw went wrong while another bundle should have become active."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks."""

    steady: float
    wall: float

    def steady_at(self, wall: float) -> float:
        """What the steady clock showed when the other showed `wall`."""
        return self.steady - max(0.0, self.wall - wall)


@dataclass(frozen=True, slots=True)
class Standing:
    """`trouble` and `error` say why the newest is not in force, None where it is.

    `confirmed` is when the source was last seen to have nothing newer that could be used, on the steady clock;
    `fresh_at`, in Unix seconds, when the active bundle was last known to be the newest, by its publisher's signed
    statement where there is one, and `fresh_steady` is the same on the steady clock.
    """

    trouble: Trouble | None = None
    error: str | None = None
    confirmed: float | None = None
    fresh_at: float | None = None
    fresh_steady: float | None = None

    def age(self, moment: Moment) -> float:
        """Seconds since the bundle was last known to be the newest, by the clock on which that are more."""
        if self.fresh_at is None or self.fresh_steady is None:
            return float("inf")
        return max(0.0, moment.wall - self.fresh_at, moment.steady - self.fresh_steady)


Troubling: TypeAlias = ConfigurationError | BundleError | SourceError | ArchiveError | ActivationError
TROUBLES: Final = (ConfigurationError, BundleError, SourceError, ArchiveError, ActivationError)


def trouble_of(error: Troubling) -> Trouble:
    """What `error` means for the bundle."""
    match error:
        case StateError() | ArchiveError():
            return Trouble.UNKEPT
        case SourceError():
            return Trouble.UNAVAILABLE
        case BundleError():
            return Trouble.UNTRUSTED
        case ActivationError():
            return Trouble.FAILED
        case _:
            return Trouble.REFUSED


def told(error: Troubling) -> list[str]:
    """What is said of `error`, a line for each problem, as far as somebody would read."""
    if not isinstance(error, ConfigurationError):
        return [str(error)]
    lines = [str(problem) for problem in error.problems[:MAX_TOLD]]
    more = len(error.problems) - len(lines)
    return [*lines, f"and {more} more, see `toolgate check`"] if more else lines
