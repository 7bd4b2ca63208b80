"""One policy's text to Cedar's tree of it, with the place of every node: Cedar's own reader tells no places."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.cursor import TOKEN_BITS, Cursor
from pdp.core.engine.syntax.expressions import expression
from pdp.core.engine.syntax.head import annotations, effect, scope
from pdp.core.engine.syntax.mistakes import RUNS_OVER, runs_over
from pdp.core.engine.syntax.problem import SyntaxProblem, shown
from pdp.core.engine.syntax.source import check_bounds
from pdp.core.engine.syntax.span import Span
from pdp.core.engine.syntax.tokens import END, Tokens, lex, spans_of

_CLAUSES: Final[dict[str, Callable[[pst.Expr], pst.Clause]]] = {"when": pst.When, "unless": pst.Unless}
_STRAYS: Final = {
    '"': 'the text that starts here has no closing `"`, or a `\\` at the end of a line',
    "'": "texts stand in double quotes",
    "`": "texts stand in double quotes",
    "\u201c": 'texts stand in plain double quotes, `"`',
    "\u201d": 'texts stand in plain double quotes, `"`',
    "&": "write `&&`",
    "|": "write `||`",
    "#": "comments start with `//`",
    "?": "a slot is `?principal` or `?resource`",
    "\ufeff": "a byte order mark stands here: save the file without it",
}

_LAST: Final = (1 << TOKEN_BITS) - 1


@dataclass(frozen=True, slots=True)
class Parsed:
    """A policy's tree as Cedar's own reader builds it, but for its id, which is empty; and its nodes' places."""

    tree: pst.Template
    _text: str = field(repr=False)
    _nodes: Mapping[int, int] = field(repr=False)
    _annotations: Mapping[str, tuple[int, int]] = field(repr=False)
    _spans: list[Span] = field(default_factory=list, repr=False, compare=False)

    def span(self, node: object) -> Span | None:
        """Where `node`, one of the tree's own and not one equal to it, was read; None for any other.

        Nodes that Cedar makes of `has a.b` share the place of their source.
        """
        place = self._nodes.get(id(node))
        return None if place is None else self._between(place >> TOKEN_BITS, place & _LAST)

    def annotation_span(self, name: str) -> Span | None:
        """Where annotation `name` was read, None when there is none."""
        place = self._annotations.get(name)
        return None if place is None else self._between(*place)

    def _between(self, first: int, last: int) -> Span:
        """The spans of tokens are found when the first is asked for: of most policies none ever is."""
        if not self._spans:
            self._spans.extend(spans_of(self._text))
        return Span(self._spans[first].start, self._spans[last].end)


def parse(text: str) -> Parsed:
    """The one policy or template in `text`.

    Raises:
        ExcessProblem: it is over a bound.
        SyntaxProblem: it is none.

    """
    tokens = lex(text)
    check_bounds(tokens)
    _refuse_strays(tokens)
    cursor = Cursor(tokens)
    values, places = annotations(cursor)
    found = effect(cursor)
    principal, action, resource = scope(cursor)
    clauses = _clauses(cursor)
    tree = pst.Template("", found, principal, action, resource, clauses, pst.FrozenMap(values))
    cursor.place(tree, 0)
    return Parsed(tree, text, cursor.places, places)


def without_places(tree: pst.Template) -> Parsed:
    """`tree` with no node placed."""
    return Parsed(tree, "", {}, {})


def _clauses(cursor: Cursor) -> tuple[pst.Clause, ...]:
    found: list[pst.Clause] = []
    while (word := cursor.words[cursor.at]) != ";":
        first = cursor.at
        build = _CLAUSES.get(word)
        if build is None:
            _refuse_end(cursor)
        cursor.at += 1
        found.append(cursor.place(build(_condition(cursor, word)), first))
    cursor.at += 1
    if cursor.words[cursor.at] != END:
        cursor.unexpected("the end of the policy")
    return tuple(found)


def _condition(cursor: Cursor, clause: str) -> pst.Expr:
    opened = cursor.at
    if cursor.words[opened] != "{":
        cursor.unexpected(f"`{{`: a condition stands in braces, as in `{clause} {{ ... }}`")
    cursor.at += 1
    if cursor.words[cursor.at] == "}":
        cursor.fail(f"the `{clause}` is empty", cursor.at - 2, cursor.at)
    node = expression(cursor)
    cursor.close("}", opened=opened, also="an operator such as `&&` or ")
    return node


def _refuse_end(cursor: Cursor) -> NoReturn:
    if cursor.words[cursor.at] in {END, "@", "permit", "forbid"}:
        end = cursor.tokens.span(cursor.at - 1, cursor.at - 1).end
        raise SyntaxProblem("the policy does not end: `;` is missing here", Span(end, end))
    cursor.unexpected("`when`, `unless` or `;`")


def _refuse_strays(tokens: Tokens) -> None:
    if not tokens.text.isascii():
        try:
            tokens.text.encode()
        except UnicodeEncodeError as error:
            raise SyntaxProblem("half of a surrogate pair is no character", Span(error.start, error.end)) from None
    if tokens.stray is None:
        return
    start = tokens.stray.start
    over = next((index for index, one in enumerate(tokens.words) if runs_over(one)), None)
    if over is not None and tokens.text[start] == '"':
        raise SyntaxProblem(RUNS_OVER, tokens.span(over, over))
    word = tokens.text[start]
    message = _STRAYS.get(word) or f"`{shown(word)}` (U+{ord(word):04X}) means nothing in Cedar"
    raise SyntaxProblem(message, Span(start, start + 1))
