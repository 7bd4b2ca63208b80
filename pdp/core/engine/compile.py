"""Sources to compiled policies, or every problem in them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.engine import cedar
from pdp.core.engine.checks.names import dangling_names
from pdp.core.engine.index import PolicyIndex
from pdp.core.engine.policy import Policy, policy_of
from pdp.core.engine.syntax.source import Statement, excess_of, statements

ANNOTATIONS: Final = frozenset({"id", "message", "advice", "obligation", "owner", "severity"})
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")


@dataclass(frozen=True, slots=True)
class CompiledPolicies:
    """Policies by id, and their index by scope."""

    policies: Mapping[str, Policy]
    index: PolicyIndex


@dataclass(frozen=True, slots=True)
class _Parsed:
    statement: Statement
    tree: cedar.pst.Template


def compile_policies(sources: Mapping[str, bytes], *, catalog: Catalog) -> CompiledPolicies:
    """The policies of `sources` (file name to bytes), checked against the schema of `catalog`.

    Raises:
        ConfigurationError: with every problem of every file.

    """
    parsed, problems = _read(sources)
    problems += _validated(list(parsed.values()), catalog)
    problems += _dangling(parsed.values(), catalog)
    if problems:
        raise ConfigurationError(problems)
    policies = {key: policy_of(one.tree, statement=one.statement) for key, one in sorted(parsed.items())}
    return CompiledPolicies(policies, PolicyIndex(policies.values()))


def problems_in(sources: Mapping[str, bytes]) -> list[Problem]:
    """What is wrong with `sources` whatever the catalog says: for when there is no catalog to check against."""
    return _read(sources)[1]


def _read(sources: Mapping[str, bytes]) -> tuple[dict[str, _Parsed], list[Problem]]:
    problems: list[Problem] = []
    parsed: dict[str, _Parsed] = {}
    for statement in _all_statements(sources, problems):
        one = _parse(statement, problems)
        if one is not None:
            _admit(one, parsed, problems)
    return parsed, problems


def _all_statements(sources: Mapping[str, bytes], problems: list[Problem]) -> Iterable[Statement]:
    for file, raw in sorted(sources.items()):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            problems.append(Problem(file, line, 0, "encoding", "the file is not UTF-8"))
            continue
        yield from statements(text, file=file)


def _parse(statement: Statement, problems: list[Problem]) -> _Parsed | None:
    excess = excess_of(statement.text)
    if excess is not None:
        problems.append(_problem(statement, "too_large", excess))
        return None
    try:
        return _Parsed(statement, cedar.parse_policy(statement.text))
    except ValueError as error:
        problems.append(_problem(statement, "syntax", f"Cedar cannot read the policy that starts here: {error}"))
        return None


def _admit(one: _Parsed, parsed: dict[str, _Parsed], problems: list[Problem]) -> None:
    annotations = one.tree.annotations
    key = annotations.get("id", "")
    problems += [
        _problem(one.statement, "annotation_unknown", f"`@{name}` means nothing here")
        for name in sorted(set(annotations) - ANNOTATIONS)
    ]
    if not key:
        problems.append(_problem(one.statement, "id_missing", 'every policy needs an `@id("...")`'))
    elif not _ID.fullmatch(key):
        text = "an `@id` has letters, digits, `.`, `_`, `/` and `-`, at most 128, and starts with a letter or digit"
        problems.append(_problem(one.statement, "id_invalid", text))
    elif key in parsed:
        first = parsed[key].statement
        problems.append(_problem(one.statement, "id_duplicate", f"`{key}` is also at {first.file}:{first.line}"))
    else:
        parsed[key] = one


def _validated(parsed: list[_Parsed], catalog: Catalog) -> list[Problem]:
    schema = cedar.schema(cedar_schema(catalog.tools()))
    found = cedar.validate([one.statement.text for one in parsed], schema)
    return [_problem(parsed[index].statement, "validation", text) for index, text in found]


def _dangling(parsed: Iterable[_Parsed], catalog: Catalog) -> list[Problem]:
    return [
        _problem(one.statement, "name_unknown", text)
        for one in parsed
        for text in dangling_names(one.tree, catalog=catalog)
    ]


def _problem(statement: Statement, code: str, message: str) -> Problem:
    return Problem(statement.file, statement.line, 0, code, message)
