"""Sources to trees with places, where Cedar's own reader has the last word."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pdp.core.contract.errors import Problem
from pdp.core.engine import cedar
from pdp.core.engine.expression.tree import children
from pdp.core.engine.syntax.parser import Parsed, parse, without_places
from pdp.core.engine.syntax.problem import ExcessProblem, SyntaxProblem
from pdp.core.engine.syntax.source import Statement, statements
from pdp.core.engine.syntax.span import Span

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
MAX_POLICIES: Final = 50_000
MAX_LEVELS: Final = 100
"""How deep the tree of a condition is at most: cedarpy converts no deeper one."""

_TOGETHER: Final = 16
"""Cedar reads so many policies at once: with a call for each it takes half as long again."""

_REORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A policy or template as read, and where it stands."""

    statement: Statement
    parsed: Parsed


def read_files(sources: Mapping[str, bytes]) -> tuple[list[ReadPolicy], list[Problem]]:
    """The policies of `sources` (file name to bytes), in the order of files and lines, and what is wrong with the rest.

    Codes of problems: `encoding`, `too_large`, `hidden_character`, `syntax`.
    """
    found, problems = cut_files(sources)
    policies: list[ReadPolicy] = []
    for statement, outcome in zip(found, read_policies(found), strict=True):
        if isinstance(outcome, Parsed):
            policies.append(ReadPolicy(statement, outcome))
        else:
            problems.append(problem_of(outcome, statement=statement))
    return policies, problems


def cut_files(sources: Mapping[str, bytes]) -> tuple[list[Statement], list[Problem]]:
    """The statements of `sources`, in the order of files and lines, and what is wrong with files as a whole."""
    problems: list[Problem] = []
    found = [one for file, raw in sorted(sources.items()) for one in _statements(file, raw, problems)]
    if len(found) > MAX_POLICIES:
        problems.append(_problem(found[MAX_POLICIES], 0, "too_large", f"there are at most {MAX_POLICIES:,} policies"))
        return [], problems
    return found, problems


def problem_of(refusal: SyntaxProblem, *, statement: Statement) -> Problem:
    """Why `statement` cannot be read, with its place."""
    code = "too_large" if isinstance(refusal, ExcessProblem) else "syntax"
    return statement.problem(refusal.span, code=code, message=refusal.message)


def read_policy(statement: Statement) -> Parsed:
    """The tree of the one policy or template in `statement`, as Cedar reads it.

    Our own reader places the nodes and words the problems; what it takes and what it refuses is Cedar's to say.
    Where the two differ, the tree is Cedar's and has no places.

    Raises:
        ExcessProblem: it is over a bound.
        SyntaxProblem: Cedar cannot read it.

    """
    (outcome,) = read_policies([statement])
    if isinstance(outcome, SyntaxProblem):
        raise outcome
    return outcome


def read_policies(found: Sequence[Statement]) -> list[Parsed | SyntaxProblem]:
    """What `read_policy` returns or raises for each, in their order."""
    outcomes: list[Parsed | SyntaxProblem] = []
    for start in range(0, len(found), _TOGETHER):
        texts = [statement.text for statement in found[start : start + _TOGETHER]]
        ours = [_ours(text) for text in texts]
        outcomes += map(_agreed, ours, _theirs(texts, ours))
    return outcomes


def _ours(text: str) -> Parsed | SyntaxProblem:
    try:
        return parse(text)
    except SyntaxProblem as problem:
        return problem


def _theirs(texts: list[str], ours: list[Parsed | SyntaxProblem]) -> Sequence[cedar.pst.Template | ValueError | None]:
    """Cedar's trees or refusals; None where the text is over a bound, so that Cedar must not see it."""
    if all(isinstance(one, Parsed) for one in ours):
        with suppress(ValueError):
            trees = cedar.read_trees("\n".join(texts))
            if len(trees) == len(texts):
                return trees
    return [None if isinstance(one, ExcessProblem) else _alone(text) for text, one in zip(texts, ours, strict=True)]


def _alone(text: str) -> cedar.pst.Template | ValueError:
    try:
        return cedar.read_tree(text)
    except ValueError as error:
        return error


def _agreed(ours: Parsed | SyntaxProblem, theirs: cedar.pst.Template | ValueError | None) -> Parsed | SyntaxProblem:
    if isinstance(theirs, cedar.pst.Template):
        same = isinstance(ours, Parsed) and _content(ours.tree) == _content(theirs)
        return ours if same else without_places(theirs)
    if isinstance(ours, Parsed) and theirs is not None:
        return _refused(ours, theirs)
    return ours


def _content(tree: cedar.pst.Template) -> tuple[object, ...]:
    """All of `tree` but its id: cedarpy's is positional."""
    return tree.effect, tree.principal, tree.action, tree.resource, tree.clauses, tree.annotations


def _refused(parsed: Parsed, error: ValueError) -> SyntaxProblem:
    """Why Cedar refuses what we read: its bound on the depth of a tree, else in its own words."""
    deepest = _too_deep(parsed.tree)
    if deepest is None:
        return SyntaxProblem(f"Cedar cannot read this policy: {error}", Span(0, 0))
    message = f"a condition is at most {MAX_LEVELS} levels deep, and each operator of a chain is one"
    advice = "name many values as a set: `[...].contains(...)`"
    return ExcessProblem(f"{message}; {advice}", parsed.span(deepest) or Span(0, 0))


def _too_deep(tree: cedar.pst.Template) -> cedar.pst.Expr | None:
    """The first expression below the deepest level, None when there is none."""
    waiting = [(clause.expr, 1) for clause in tree.clauses]
    while waiting:
        node, level = waiting.pop()
        if level > MAX_LEVELS:
            return node
        waiting.extend((child, level + 1) for child in children(node))
    return None


def _statements(file: str, raw: bytes, problems: list[Problem]) -> Iterator[Statement]:
    if len(raw) > MAX_FILE_BYTES:
        problems.append(Problem(file, 0, 0, "too_large", f"a file of policies has at most {MAX_FILE_BYTES:,} bytes"))
        return
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file, line, 0, "encoding", "the file is not UTF-8"))
        return
    for match in _REORDERING.finditer(text):
        place = Statement(file, 1, 1, text).place(match.start())
        problems.append(Problem(file, place.line, place.column, "hidden_character", _hidden(match[0])))
    yield from statements(text, file=file)


def _hidden(character: str) -> str:
    code = f"{ord(character):04x}"
    effect = "can make the policy look like another one"
    return f"the invisible character U+{code.upper()} {effect}: write it as `\\u{{{code}}}` in a text, nowhere else"


def _problem(statement: Statement, offset: int, code: str, message: str) -> Problem:
    place = statement.place(offset)
    return Problem(statement.file, place.line, place.column, code, message)
