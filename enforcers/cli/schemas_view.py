"""How findings look: lines in which nothing of a server's can act on a terminal, or JSON."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from enforcers.cli.schemas_approval import Step
from enforcers.cli.schemas_review import Finding, State
from enforcers.cli.schemas_servers import Reviewed
from pdp.core.text.hidden_text import shown

_WORDS: Final = {
    State.APPROVED: "as approved",
    State.NEW: "new",
    State.CHANGED: "changed",
    State.GONE: "no longer offered",
    State.REFUSED: "refused",
    State.BROKEN: "its snapshot is broken",
}


def say(line: str) -> None:
    """One line on standard output; what is hidden in it is shown."""
    sys.stdout.write(f"{shown(line)}\n")


def pulled(reviewed: Reviewed) -> Iterator[str]:
    """A line for each definition; what is not as approved is for `diff` to tell, what is refused has its reasons."""
    if reviewed.failure is not None:
        yield f"{reviewed.server}: {reviewed.failure}"
    for finding in reviewed.findings:
        line = _headline(reviewed.server, finding)
        if finding.state in {State.CHANGED, State.GONE, State.BROKEN}:
            yield f"{line}, left as it was: see `toolgate schemas diff {reviewed.server}`"
        else:
            yield line
        if finding.state is State.REFUSED:
            yield from _reasons(finding)


def differences(reviewed: Reviewed) -> Iterator[str]:
    """Everything that is not as approved in words, then how much it is."""
    if reviewed.failure is not None:
        yield f"{reviewed.server}: {reviewed.failure}"
        return
    for finding in reviewed.findings:
        if finding.state is not State.APPROVED:
            yield from told(reviewed.server, finding)
    states = [finding.state for finding in reviewed.findings]
    counts = ", ".join(f"{states.count(state)} {_WORDS[state]}" for state in State if state in states)
    yield f"{reviewed.server}: {counts or 'offers nothing'}"


def asked(servers: Sequence[Reviewed], steps: Sequence[Step]) -> Iterator[str]:
    """What is to be approved in words, with what is against it; servers that did not answer come first."""
    for reviewed in servers:
        if reviewed.failure is not None:
            yield f"{reviewed.server}: {reviewed.failure}"
    for step in steps:
        yield from told(step.server, step.finding)
        if step.obstacle is not None:
            yield f"  {step.obstacle}"


def told(server: str, finding: Finding) -> Iterator[str]:
    """The headline, then a line for each change and reason, then what approving it would pin."""
    yield _headline(server, finding)
    for change in finding.changes:
        yield f"  {change.weight}: {change.text}"
    yield from _reasons(finding)
    if finding.twins and finding.state is not State.REFUSED:
        yield f"  its name can be taken for {', '.join(f'`{name}`' for name in finding.twins)}"
    if finding.offered is not None and finding.state in {State.NEW, State.CHANGED, State.BROKEN}:
        yield f"  offered: {finding.offered.pin}"


def print_json(servers: Sequence[Reviewed], *, outcomes: Mapping[str | None, str]) -> None:
    """One object with every server; `outcomes` has what became of snapshots, by reference. Nothing but ASCII."""
    listed = [
        {
            "server": reviewed.server,
            "failure": reviewed.failure,
            "definitions": [
                _plain(finding) | {"outcome": outcomes.get(finding.reference)} for finding in reviewed.findings
            ],
        }
        for reviewed in servers
    ]
    sys.stdout.write(json.dumps({"servers": listed}, indent=2) + "\n")


def _headline(server: str, finding: Finding) -> str:
    """What a definition is called on the command line, and its state."""
    title = finding.reference or f"{server}: one of its {finding.kind}s"
    return f"{title}: {_WORDS[finding.state]}"


def _reasons(finding: Finding) -> Iterator[str]:
    return (f"  {reason}" for reason in finding.reasons)


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.reference,
        "kind": finding.kind.value,
        "name": finding.name,
        "state": finding.state.value,
        "approved": None if finding.approved is None else finding.approved.pin,
        "offered": None if finding.offered is None else finding.offered.pin,
        "changes": [
            {"kind": one.kind.value, "weight": one.weight.value, "where": one.where, "text": one.text}
            for one in finding.changes
        ],
        "reasons": list(finding.reasons),
        "twins": list(finding.twins),
    }
