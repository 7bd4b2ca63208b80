"""What a run is reported as: lines for people, one JSON object for programs."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from pdp.policytest.run import CaseResult, Mismatch, Run


class Detail(StrEnum):
    """How much is told: `failures` alone, or `every` case."""

    FAILURES = "failures"
    EVERY = "every"


def lines(run: Run, *, detail: Detail) -> Iterator[str]:
    """The report, line by line; the summary comes last."""
    for result in run.results:
        if result.mismatches:
            yield from _failure(result)
        elif detail is Detail.EVERY:
            yield f"ok    {_where(result)}  {_printable(result.case.asker.name)}"
    for policy in run.unexercised:
        yield f"warn  no passing case names `{policy}` as determining"
    yield _summary(run)


def as_json(run: Run) -> dict[str, Any]:
    """The report as plain JSON."""
    return {
        "passed": len(run.results) - len(run.failed),
        "failed": len(run.failed),
        "policies": run.policies,
        "unexercised": list(run.unexercised),
        "cases": [_case_json(result) for result in run.results],
    }


def _case_json(result: CaseResult) -> dict[str, Any]:
    asker = result.case.asker
    return {
        "name": asker.name,
        "file": asker.file,
        "line": asker.line,
        "passed": not result.mismatches,
        "got": _plain(result.got),
        "mismatches": _plain(result.mismatches),
    }


def _plain(value: Any) -> Any:
    """JSON's own kinds of value: a list for a tuple, text for an enumeration's member."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _failure(result: CaseResult) -> Iterator[str]:
    yield f"FAIL  {_where(result)}  {_printable(result.case.asker.name)}"
    for mismatch in result.mismatches:
        yield f"      {mismatch.member:<11} {_difference(mismatch)}"


def _difference(mismatch: Mismatch) -> str:
    return f"expected {_shown(mismatch.expected)}, got {_shown(mismatch.got)}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_printable(item) for item in value) or "none"
    return "none" if value is None else f"`{_printable(str(value))}`"


def _where(result: CaseResult) -> str:
    return f"{result.case.asker.file}:{result.case.asker.line}"


def _summary(run: Run) -> str:
    failed, total = len(run.failed), len(run.results)
    exercised = run.policies - len(run.unexercised)
    cases = f"{total} case{'' if total == 1 else 's'}"
    return f"{cases}, {total - failed} passed, {failed} failed; {exercised} of {run.policies} policies exercised"


def _printable(text: str) -> str:
    """`text` on one line and harmless to a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
