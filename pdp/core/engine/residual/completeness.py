"""Whether what was tried stands for all there is."""

from collections.abc import Iterable
from enum import StrEnum


class Completeness(StrEnum):
    """Whether values stand for every value there is, as far as the policies can tell them apart."""

    FULL = "full"
    PARTIAL = "partial"


def together(parts: Iterable[Completeness]) -> Completeness:
    """Full when all `parts` are."""
    return Completeness.PARTIAL if Completeness.PARTIAL in set(parts) else Completeness.FULL
