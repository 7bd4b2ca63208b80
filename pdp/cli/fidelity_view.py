"""How a fidelity report looks on a terminal; nothing in a name can act on it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pdp.cli.terminal import legible, visible
from pdp.core.catalog.fidelity import ArgumentFidelity, ToolFidelity, Visibility
from pdp.core.catalog.schema.constraints import Constraints
from pdp.core.contract.errors import Problem

Refused = Mapping[str, Sequence[Problem]]


def as_json(reports: Sequence[ToolFidelity], *, refused: Refused) -> dict[str, Any]:
    """The reports, what is refused, and the totals."""
    return {
        "tools": [_tool_json(report) for report in reports],
        "refused": {file: [problem.message for problem in problems] for file, problems in sorted(refused.items())},
        "totals": {"tools": len(reports), **_counts(reports), "checked_by_schema_alone": _constrained(reports)},
    }


def lines(reports: Sequence[ToolFidelity], *, refused: Refused) -> Iterator[str]:
    """The reports for people, then what is refused and the totals."""
    for report in reports:
        yield from _tool(report)
    for file, problems in sorted(refused.items()):
        yield f"{legible(file)}: refused"
        yield from (f"  {legible(problem.message)} [{problem.code}]" for problem in problems)
    counts = ", ".join(f"{count} {name}" for name, count in _counts(reports).items())
    yield f"tools: {len(reports)}; arguments and their parts: {counts}"
    yield f"with constraints that the JSON Schema check alone enforces: {_constrained(reports)}"


def _tool(report: ToolFidelity) -> Iterator[str]:
    yield f"{visible(report.tool)} (undeclared: {report.undeclared})"
    yield from _constraints(report.constraints, indent="  ")
    width = max((len(visible(argument.pointer)) for argument in report.arguments), default=0)
    for argument in report.arguments:
        yield from _argument(argument, width=width)
    yield ""


def _argument(argument: ArgumentFidelity, *, width: int) -> Iterator[str]:
    kind = "" if argument.type is None else f", {argument.type}"
    mark = "" if argument.mark is None else f", marked {argument.mark}"
    yield f"  {visible(argument.pointer):{width}}  {argument.visibility}{kind}{mark}"
    why = [] if argument.why is None else [argument.why.value]
    yield from (f"      {text}" for text in (*why, *argument.losses))
    yield from _constraints(argument.constraints, indent="      ")


def _constraints(constraints: Constraints, *, indent: str) -> Iterator[str]:
    if constraints.enforced:
        yield f"{indent}checked by JSON Schema alone: {', '.join(constraints.enforced)}"
    if constraints.unenforced:
        yield f"{indent}checked by nothing: {', '.join(constraints.unenforced)}"


def _tool_json(report: ToolFidelity) -> dict[str, Any]:
    return {
        "tool": report.tool,
        "undeclared": report.undeclared,
        "constraints": _constraints_json(report.constraints),
        "arguments": [
            {
                "pointer": argument.pointer,
                "visibility": argument.visibility,
                "cedar": argument.cedar,
                "type": argument.type,
                "mark": argument.mark,
                "why": argument.why,
                "losses": argument.losses,
                "constraints": _constraints_json(argument.constraints),
            }
            for argument in report.arguments
        ],
    }


def _constraints_json(constraints: Constraints) -> dict[str, Sequence[str]]:
    return {"checked_by_schema_alone": constraints.enforced, "checked_by_nothing": constraints.unenforced}


def _counts(reports: Iterable[ToolFidelity]) -> dict[str, int]:
    counts: Counter[Visibility] = Counter()
    for report in reports:
        counts += report.counts()
    return {each.value: counts[each] for each in Visibility}


def _constrained(reports: Iterable[ToolFidelity]) -> int:
    return sum(bool(argument.constraints.enforced) for report in reports for argument in report.arguments)
