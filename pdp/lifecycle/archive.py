"""The port to archives: the contents of bundles by their digest, for as long as a decision may be asked about."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pdp.core.contract.errors import ToolgateError


class ArchiveError(ToolgateError):
    """The archive cannot be read or written now."""


class NotArchivedError(ArchiveError):
    """No content with that digest is there."""


@dataclass(frozen=True, slots=True, order=True)
class Archived:
    """One content; `at` is when it was put there last, in Unix seconds."""

    at: float
    digest: str


class Archive(Protocol):
    """Keeps contents; its methods block, from any thread."""

    def put(self, digest: str, content: bytes, *, now: float) -> None:
        """Keep `content`, which has that digest; what is there already is there since `now`.

        Raises:
            ArchiveError: it is not kept.

        """
        ...

    def get(self, digest: str) -> bytes:
        """The content with that digest, checked.

        Raises:
            NotArchivedError: there is none.
            ArchiveError: it cannot be read, or is not what it was.

        """
        ...

    def entries(self) -> Sequence[Archived]:
        """All that is kept.

        Raises:
            ArchiveError: that cannot be said.

        """
        ...

    def remove(self, digest: str) -> None:
        """Keep that content no longer; it may be gone already.

        Raises:
            ArchiveError: it may still be there.

        """
        ...


def expired(entries: Sequence[Archived], *, keep: float, now: float) -> Iterator[str]:
    """The digests of what was replaced more than `keep` seconds before `now`; the newest never is."""
    ordered = sorted(entries)
    for entry, following in itertools.pairwise(ordered):
        if following.at < now - keep:
            yield entry.digest
