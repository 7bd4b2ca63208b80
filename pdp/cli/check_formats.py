"""Problems for machines: JSON, SARIF 2.1.0, and the workflow commands of GitHub Actions."""

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from pdp.cli.terminal import legible
from pdp.core.contract.errors import Problem
from pdp.core.engine.checks.code import RULES, Code

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "%SRCROOT%"


def as_json(problems: Sequence[Problem]) -> str:
    """The problems as one JSON object; `end_column` and what counts from 1 is 0 where it is not known."""
    rows = [
        {
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "end_column": problem.end_column,
            "severity": problem.severity.value,
            "code": str(problem.code),
            "message": problem.message,
        }
        for problem in problems
    ]
    return json.dumps({"problems": rows}, indent=2) + "\n"


def as_sarif(problems: Sequence[Problem], *, version: str) -> str:
    """A SARIF log with one run; columns count Unicode characters, from 1."""
    rules = [_rule(code) for code in RULES]
    ids = [rule["id"] for rule in rules]
    rules += [{"id": code} for code in sorted({str(problem.code) for problem in problems} - set(ids))]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "toolgate", "version": version, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, index[problem.code]) for problem in problems],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def github_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """A workflow command for each problem, which GitHub shows at its line."""
    for problem in problems:
        numbers = (("line", problem.line), ("col", problem.column), ("endColumn", problem.end_column))
        properties = [f"file={_property(problem.file)}", *(f"{name}={number}" for name, number in numbers if number)]
        properties.append(f"title={_property(problem.code)}")
        yield f"::{problem.severity} {','.join(properties)}::{_data(problem.message)}\n"


def _rule(code: Code) -> dict[str, Any]:
    rule = RULES[code]
    return {
        "id": code.value,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": _artifact(problem.file)}
    if problem.line:
        columns = (("startColumn", problem.column), ("endColumn", problem.end_column))
        location["region"] = {"startLine": problem.line} | {name: number for name, number in columns if number}
    return {
        "ruleId": str(problem.code),
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": location}],
    }


def _artifact(file: str) -> dict[str, str]:
    """A reference relative to where the command runs, or to the root of the file system."""
    path = PurePath(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": _ROOT}


def _data(text: str) -> str:
    """`text` as the value of a command: a line break would end it, and what follows could be another command."""
    return legible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
