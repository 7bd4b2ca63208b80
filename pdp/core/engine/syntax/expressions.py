"""Cedar's expressions: a condition's text to the tree that Cedar itself builds of it.

INVARIANT: reading takes at most six Python frames a bracket, so that 100 brackets stay far from the limit of the
stack; a chain of operators takes none.
"""

from typing import Final, NamedTuple

from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.cursor import Cursor
from pdp.core.engine.syntax.literals import EscapeError, pattern_value
from pdp.core.engine.syntax.members import ACCESSES, integer, member
from pdp.core.engine.syntax.names import attribute, type_name
from pdp.core.engine.syntax.tokens import DIGITS

_RELATION: Final = 3
_LEVELS: Final = {"||": 1, "&&": 2, "+": 4, "-": 4, "*": 5} | dict.fromkeys(
    ("==", "!=", "<", "<=", ">", ">=", "in", "has", "like", "is"), _RELATION
)
_OPERATORS: Final[dict[str, pst.BinaryOpName]] = {
    "||": "or",
    "&&": "and",
    "==": "eq",
    "!=": "not_eq",
    "<": "less",
    "<=": "less_eq",
    ">": "greater",
    ">=": "greater_eq",
    "in": "in",
    "+": "add",
    "-": "sub",
    "*": "mul",
}
_MAX_SIGNS: Final = 4
_QUOTED: Final = 'has "{}"'


class _Pending(NamedTuple):
    """An operator and its left side, waiting for the right one; with `kind` it is `is kind in`."""

    level: int
    word: str
    left: pst.Expr
    first: int
    kind: pst.EntityType | None


def expression(cursor: Cursor) -> pst.Expr:
    """The expression that starts here.

    Raises:
        SyntaxProblem: there is none.

    """
    cursor.deepen()
    node = _conditional(cursor) if cursor.words[cursor.at] == "if" else _operation(cursor)
    cursor.depth -= 1
    return node


def _conditional(cursor: Cursor) -> pst.Expr:
    first = cursor.at
    cursor.at += 1
    condition = expression(cursor)
    cursor.take("then", expected="`then`")
    positive = expression(cursor)
    cursor.take("else", expected="`else`: an `if` has both `then` and `else`")
    return cursor.place(pst.IfThenElse(condition, positive, expression(cursor)), first)


def _operation(cursor: Cursor) -> pst.Expr:
    pending: list[_Pending] = []
    related = False
    first = cursor.at
    node = _operand(cursor)
    while level := _LEVELS.get(cursor.words[cursor.at], 0):
        node, first = _reduced(cursor, pending, level, node, first)
        word = cursor.words[cursor.at]
        if related and level == _RELATION:
            cursor.fail("two comparisons in a row: put brackets around the first", cursor.at)
        related = level == _RELATION or (related and level > _RELATION)
        cursor.at += 1
        kind = _tested_type(cursor) if word == "is" else None
        if word in {"has", "like"} or (kind is not None and cursor.words[cursor.at] != "in"):
            node = _test(cursor, word, node, first, kind)
            continue
        cursor.at += kind is not None
        pending.append(_Pending(level, word, node, first, kind))
        first = cursor.at
        node = _operand(cursor)
    return _reduced(cursor, pending, 0, node, first)[0]


def _reduced(cursor: Cursor, pending: list[_Pending], level: int, node: pst.Expr, first: int) -> tuple[pst.Expr, int]:
    """`node` as the right side of all that waits and binds as tightly as `level`, and where that starts."""
    while pending and pending[-1].level >= level:
        waiting = pending.pop()
        first = waiting.first
        if waiting.kind is not None:
            node = cursor.place(pst.Is(waiting.left, waiting.kind, node), first)
        else:
            node = cursor.place(pst.BinaryOp(_OPERATORS[waiting.word], waiting.left, node), first)
    return node, first


def _tested_type(cursor: Cursor) -> pst.EntityType:
    first = cursor.at
    if not cursor.at_name():
        cursor.unexpected("the name of a type, as in `is Mcp::User`")
    kind = type_name(cursor)
    if cursor.words[cursor.at] == "::":
        cursor.fail("`is` asks for a type; write `==` for one entity, `in` for a group", first, cursor.at + 1)
    return kind


def _test(cursor: Cursor, word: str, base: pst.Expr, first: int, kind: pst.EntityType | None) -> pst.Expr:
    if kind is not None:
        node: pst.Expr = cursor.place(pst.Is(base, kind, None), first)
    elif word == "has":
        node = _has(cursor, base, first)
    else:
        node = _like(cursor, base, first)
    if _LEVELS.get(cursor.words[cursor.at], 0) > _RELATION or cursor.words[cursor.at] in ACCESSES:
        cursor.fail(f"put brackets around what stands with `{word}`", cursor.at)
    return node


def _has(cursor: Cursor, base: pst.Expr, first: int) -> pst.Expr:
    """As Cedar reads it, `x has a.b` is `x has a && x.a has b`."""
    if cursor.words[cursor.at][:1] == '"':
        return cursor.place(pst.HasAttr(base, (cursor.text(),)), first)
    name = attribute(cursor, quoted=_QUOTED)
    node: pst.Expr = cursor.place(pst.HasAttr(base, (name,)), first)
    while cursor.words[cursor.at] == ".":
        base = cursor.place(pst.GetAttr(base, name), first)
        cursor.at += 1
        name = attribute(cursor, quoted=_QUOTED)
        last = cursor.place(pst.HasAttr(base, (name,)), first)
        node = cursor.place(pst.BinaryOp("and", node, last), first)
    return node


def _like(cursor: Cursor, base: pst.Expr, first: int) -> pst.Expr:
    word = cursor.words[cursor.at]
    if word[:1] != '"':
        cursor.unexpected('a pattern in double quotes, as in `like "main*"`')
    try:
        pattern = pattern_value(word)
    except EscapeError as error:
        cursor.refuse_escape(error)
    cursor.at += 1
    return cursor.place(pst.Like(base, pattern), first)


def _operand(cursor: Cursor) -> pst.Expr:
    first = cursor.at
    words = cursor.words
    sign = words[first]
    if sign not in {"!", "-"}:
        return member(cursor, inner=expression)
    while words[cursor.at] == sign:
        cursor.at += 1
    signs = cursor.at - first
    if signs > _MAX_SIGNS:
        cursor.fail(f"at most {_MAX_SIGNS} `{sign}` stand in a row", first, cursor.at - 1)
    if words[cursor.at] in {"!", "-"}:
        cursor.fail(f"put brackets after the `{sign}`: `{sign}({words[cursor.at]}...)`", first, cursor.at)
    if sign == "-" and words[cursor.at][:1] in DIGITS and words[cursor.at + 1] not in ACCESSES:
        signs -= 1
        node: pst.Expr = cursor.place(integer(cursor, sign=-1), first + signs)
    else:
        node = member(cursor, inner=expression)
    for start in reversed(range(first, first + signs)):
        node = cursor.place(pst.UnaryOp("not" if sign == "!" else "neg", node), start)
    return node
