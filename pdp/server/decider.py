"""What the server needs of the rest of the decision point."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pdp.core.bundle.head import Head
from pdp.core.contract.authzen import (
    EvaluationRequest,
    EvaluationResponse,
    ResourceSearchRequest,
    ResourceSearchResponse,
)
from pdp.lifecycle.standing import Standing, Trouble


class Decider(Protocol):
    """Decides under the active bundle."""

    @property
    def generation(self) -> int:
        """The serial of the active bundle, 0 while there is none."""
        ...

    @property
    def bundle(self) -> str:
        """The digest of the active bundle, empty while there is none."""
        ...

    @property
    def last_error(self) -> str | None:
        """Why the newest bundle was not activated, None when it was."""
        ...

    @property
    def reload_failures(self) -> int:
        """How often a bundle was not activated since the start."""
        ...

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """The decision on `request`.

        Raises:
            Refused: none can be made; that is a denial with its code.

        """
        ...

    def search(self, request: ResourceSearchRequest) -> ResourceSearchResponse:
        """The resources of which at least one call might be allowed.

        Raises:
            Refused: that cannot be said.

        """
        ...

    def catalog_json(self) -> bytes:
        """The catalog of the active bundle.

        Raises:
            Refused: there is no active bundle.

        """
        ...

    def mapping_json(self) -> bytes:
        """The claims mapping of the active bundle.

        Raises:
            Refused: there is no active bundle.

        """
        ...


@dataclass(frozen=True, slots=True)
class ActiveName:
    """Generation and digest of one bundle."""

    generation: int
    bundle: str


def active_name(decider: Decider) -> ActiveName:
    """The name of the active bundle, which another thread may replace meanwhile.

    INVARIANT: generations only rise, so a digest that is read between two equal ones is of that one.
    """
    while True:
        name = ActiveName(decider.generation, decider.bundle)
        if decider.generation == name.generation:
            return name


class Bundles(Protocol):
    """The active bundle as something that was published, and those before it."""

    @property
    def standing(self) -> Standing:
        """How it stands."""
        ...

    @property
    def source(self) -> str:
        """What their source is called, without credentials."""
        ...

    @property
    def head(self) -> Head:
        """What is signed about the active one."""
        ...

    @property
    def max_age(self) -> float | None:
        """Up to which `age` it decides, in seconds; None: however old it is."""
        ...

    @property
    def failures_by(self) -> Mapping[Trouble, int]:
        """How often one was not activated since the start, and why."""
        ...

    def usable(self) -> object:
        """Return where the active one is young enough to decide with.

        Raises:
            Refused: `bundle_stale`.

        """
        ...

    def age(self) -> float:
        """Seconds since the active one was last known to be the newest; infinity where that is not known."""
        ...

    def confirmed_ago(self) -> float | None:
        """Seconds since the source was last seen to have nothing else; None where it never was."""
        ...

    def archived(self, digest: str) -> bytes:
        """The content of any that is kept; it blocks.

        Raises:
            NotArchivedError: it is not kept.
            ArchiveError: it cannot be read now.

        """
        ...

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each look at the source, by whichever thread looked."""
        ...

    def refresh(self) -> None:
        """Look at the source now; it blocks, and what is wrong is in `standing`."""
        ...
