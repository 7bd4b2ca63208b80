"""Arguments that no tool has, and patterns on arguments that are not in one form."""

from collections.abc import Iterable, Iterator
from typing import Final

from pdp.core.catalog.tool import Mark
from pdp.core.engine.cedar import pst
from pdp.core.engine.checks.action_classes import ARGUMENTS
from pdp.core.engine.checks.code import Code
from pdp.core.engine.checks.finding import Finding
from pdp.core.engine.checks.pattern import unmatchable
from pdp.core.engine.checks.subject import LikeAt, Subject
from pdp.core.engine.checks.suggestion import Suggestions
from pdp.core.engine.checks.vocabulary import Calls, Vocabulary
from pdp.core.engine.dependencies import Path, Read

_NORMALISED: Final = frozenset({Mark.PATH, Mark.URL, Mark.HOST})
_NAMED: Final = 2
_LOOKED_AT: Final = 200


def unknown_arguments(subject: Subject, *, vocabulary: Vocabulary, suggestions: Suggestions) -> list[Finding]:
    """A finding for each argument read that no tool reached by the scope has, where it is read first."""
    reached = vocabulary.reached(subject.tree.action, resource=subject.tree.resource)
    unknown = unknown_paths(subject.tree, reads=(each.read for each in subject.reads), vocabulary=vocabulary)
    found: dict[Path, Finding] = {}
    for each in subject.reads:
        path = _argument(each.read.path)
        if path in unknown and path not in found:
            near = suggestions.for_name(path[-1], among=_beside(path, reached, vocabulary))
            message = f"no tool that this policy is about has an argument `{'.'.join(path)}`{near}"
            found[path] = Finding(Code.ARGUMENT_UNKNOWN, message, each.node)
    return list(found.values())


def unknown_paths(tree: pst.Template, *, reads: Iterable[Read], vocabulary: Vocabulary) -> frozenset[Path]:
    """The arguments among `reads` that no tool reached by the scope of `tree` has."""
    reached = vocabulary.reached(tree.action, resource=tree.resource)
    paths = {_argument(read.path) for read in reads} - {()}
    unknown = {path for path in paths if reached and _is_unknown(path, reached, vocabulary)}
    return frozenset(path for path in unknown if not any(path[:end] in unknown for end in range(1, len(path))))


def _is_unknown(path: Path, reached: Calls, vocabulary: Vocabulary) -> bool:
    """Whether no tool declares `path`, while what it is looked for in can have parts: else its type is wrong."""
    above = vocabulary.declaring(path[:-1]) & reached
    parts = len(path) == 1 or not above or any(vocabulary.classes.names_at(tool, path[:-1]) for tool in above)
    return parts and not vocabulary.declaring(path) & reached


def risky_patterns(subject: Subject, *, vocabulary: Vocabulary) -> Iterator[Finding]:
    """What is wrong with each `like` on an argument: it is in no one form, or in one that never looks so."""
    reached = vocabulary.reached(subject.tree.action, resource=subject.tree.resource)
    for like in subject.likes:
        unmarked = sorted({tool for path in like.paths for tool in _unmarked(path, reached, vocabulary)})
        if unmarked:
            yield Finding(Code.LIKE_UNMARKED, _unmarked_message(like, unmarked), like.node)
        elif like.paths:
            yield from _never(like, reached, vocabulary)


def _never(like: LikeAt, reached: Calls, vocabulary: Vocabulary) -> Iterator[Finding]:
    path = _argument(like.base or ())
    marks = {vocabulary.mark(tool, path) for tool in vocabulary.declaring(path) & reached} if path else set()
    reasons = {unmatchable(like.node.pattern, mark=mark) for mark in marks if mark is not None}
    if reasons and None not in reasons:
        yield Finding(Code.PATTERN_UNMATCHABLE, f"no value matches: {min(filter(None, reasons))}", like.node)


def _unmarked(path: Path, reached: Calls, vocabulary: Vocabulary) -> Iterable[str]:
    argument = _argument(path)
    if not argument:
        return ()
    tools = vocabulary.declaring(argument[:1]) & reached
    return [tool for tool in tools if vocabulary.mark(tool, argument) not in _NORMALISED]


def _unmarked_message(like: LikeAt, tools: list[str]) -> str:
    name = next((".".join(path[1:]) for path in like.paths if _argument(path)), "")
    more = f" and {len(tools) - _NAMED} more" if len(tools) > _NAMED else ""
    listed = ", ".join(f"`{tool}`" for tool in tools[:_NAMED])
    return f"`like` on `{name}`, which is not marked for {listed}{more}: the caller's spelling gets past a pattern"


def _argument(path: Path) -> Path:
    return path[1:] if path[:1] == (ARGUMENTS,) else ()


def _beside(path: Path, reached: Calls, vocabulary: Vocabulary) -> set[str]:
    """The names that the tools reached have where the last of `path` was looked for; of a few tools."""
    tools = vocabulary.declaring(path[:-1]) & reached
    return {name for tool in sorted(tools)[:_LOOKED_AT] for name in vocabulary.classes.names_at(tool, path[:-1])}
