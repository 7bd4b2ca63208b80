"""Accepting what servers offer now: which findings are meant, which of them may be, what becomes of the files."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from enforcers.cli.schemas_folder import SnapshotFolder
from enforcers.cli.schemas_review import Finding, State
from enforcers.cli.schemas_servers import Reviewed
from pdp.core.contract.errors import UnusableError


@dataclass(frozen=True, slots=True)
class Step:
    """One finding that somebody wants approved; `obstacle` says why it cannot be."""

    server: str
    finding: Finding
    obstacle: str | None

    @property
    def possible(self) -> bool:
        """Whether there is something to do and nothing against it."""
        return self.obstacle is None and self.finding.state is not State.APPROVED


def servers_of(ids: Collection[str]) -> Collection[str]:
    """The servers that `ids` are about.

    Raises:
        UnusableError: one of them is no ID.

    """
    for each in ids:
        if "/" not in each:
            raise UnusableError(f"`{each}` is no ID: IDs are `{each}/TOOL`, as `schemas diff` prints them")
    return {each.partition("/")[0] for each in ids}


def steps_for_all(servers: Sequence[Reviewed]) -> Sequence[Step]:
    """A step for every difference."""
    return [
        _step(reviewed.server, finding, None)
        for reviewed in servers
        for finding in reviewed.findings
        if finding.state is not State.APPROVED
    ]


def steps_for(servers: Sequence[Reviewed], *, ids: Collection[str], digest: str | None) -> Sequence[Step]:
    """A step for each of `ids` whose server answered; only the definition with `digest` is wanted, if given.

    Raises:
        UnusableError: an ID is neither offered nor approved.

    """
    known = {finding.reference: (reviewed.server, finding) for reviewed in servers for finding in reviewed.findings}
    silent = {reviewed.server for reviewed in servers if reviewed.failure is not None}
    steps = []
    for each in dict.fromkeys(ids):
        if each in known:
            steps.append(_step(*known[each], digest))
        elif each.partition("/")[0] not in silent:
            raise UnusableError(f"`{each}` is neither offered nor approved: `toolgate schemas diff` prints the IDs")
    return steps


def take(step: Step, *, folder: SnapshotFolder) -> str:
    """Do what `step` says; what was done.

    Raises:
        UnusableError: the file cannot be written or removed.

    """
    if step.finding.offered is not None:
        folder.write(step.finding.offered)
        return "written"
    assert step.finding.reference is not None  # noqa: S101 - what is gone has a snapshot
    folder.remove(step.finding.reference)
    return "removed"


def _step(server: str, finding: Finding, digest: str | None) -> Step:
    pin = None if finding.offered is None else finding.offered.pin
    obstacle = None
    if finding.state is State.REFUSED:
        obstacle = "not approved: it is refused"
    elif digest is not None and pin != digest:
        obstacle = f"not approved: the server offers another definition now, see `toolgate schemas diff {server}`"
    elif finding.state is State.BROKEN and finding.offered is None:
        obstacle = "not approved: nothing usable is offered in its place, so repair or remove the file"
    return Step(server, finding, obstacle)
