"""Values, and what follows them without space between: attributes, methods, calls."""

from collections.abc import Callable
from typing import Final, TypeAlias

from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.cursor import Cursor
from pdp.core.engine.syntax.literals import LONG_MAX, integer_value
from pdp.core.engine.syntax.names import attribute, entity_like, type_name
from pdp.core.engine.syntax.problem import shown
from pdp.core.engine.syntax.tokens import DIGITS, LETTERS
from pdp.core.engine.syntax.vocabulary import (
    FUNCTIONS,
    METHODS,
    PLAIN_METHODS,
    RESERVED,
    VARIABLES,
    about_function,
    about_method,
    about_variable,
)

Inner: TypeAlias = Callable[[Cursor], pst.Expr]
"""Reads the expression between brackets."""

_OPERATOR: Final = "an operator such as `&&` or "
_INDEX: Final = '["{}"]'
_KEY: Final = '"{}": ...'

ACCESSES: Final = frozenset({".", "[", "("})


def member(cursor: Cursor, *, inner: Inner) -> pst.Expr:
    """The value that starts here, with all accesses to it.

    Raises:
        SyntaxProblem: there is none.

    """
    first = cursor.at
    read = _READERS.get(cursor.words[first][:1])
    if read is None:
        cursor.unexpected("a value")
    node = read(cursor, inner)
    while cursor.words[cursor.at] in ACCESSES:
        node = _access(cursor, node, first, inner)
    return node


def integer(cursor: Cursor, *, sign: int) -> pst.LongLit:
    """The number whose digits stand here, times `sign`.

    Raises:
        SyntaxProblem: it does not fit 64 bits.

    """
    value = integer_value(cursor.words[cursor.at])
    if value is None or sign * value > LONG_MAX:
        cursor.fail("numbers go from -9223372036854775808 to 9223372036854775807", cursor.at)
    cursor.at += 1
    return pst.LongLit(sign * value)


def _access(cursor: Cursor, base: pst.Expr, first: int, inner: Inner) -> pst.Expr:
    words, at = cursor.words, cursor.at
    if words[at] == "(":
        cursor.fail("only functions and methods are called, as in `ip(...)` or `x.contains(...)`", first, at)
    cursor.at += 1
    if words[at] == ".":
        if words[at - 1][:1] in DIGITS and words[cursor.at][:1] in DIGITS:
            cursor.fail('a number has no decimal places: write `decimal("...")`', at - 1, cursor.at)
        name = attribute(cursor, quoted=_INDEX)
        if words[cursor.at] == "(":
            return _method(cursor, base, first, inner)
    else:
        if words[cursor.at][:1] != '"':
            cursor.unexpected("the name of an attribute in double quotes")
        name = cursor.text()
        cursor.close("]", opened=at)
    return cursor.place(pst.GetAttr(base, name), first)


def _method(cursor: Cursor, base: pst.Expr, first: int, inner: Inner) -> pst.Expr:
    at = cursor.at - 1
    name = cursor.words[at]
    if name not in METHODS and name not in PLAIN_METHODS:
        cursor.fail(about_method(name), at)
    arguments = _arguments(cursor, inner)
    if len(arguments) != (name in METHODS):
        cursor.fail(f"`{name}` takes {'one argument' if name in METHODS else 'no arguments'}", at, cursor.at - 1)
    if name in METHODS:
        return cursor.place(pst.BinaryOp(METHODS[name], base, arguments[0]), first)
    return cursor.place(pst.UnaryOp(PLAIN_METHODS[name], base), first)


def _named(cursor: Cursor, inner: Inner) -> pst.Expr:
    first = cursor.at
    word, following = cursor.words[first], cursor.words[first + 1]
    if following == "::":
        return _qualified(cursor)
    if word in VARIABLES:
        cursor.at += 1
        return cursor.place(pst.Var(VARIABLES[word]), first)
    if word in {"true", "false"}:
        cursor.at += 1
        return cursor.place(pst.BoolLit(word == "true"), first)
    if following == "(" and word in FUNCTIONS:
        cursor.at += 1
        arguments = _arguments(cursor, inner)
        if len(arguments) != 1:
            cursor.fail(f"`{word}` takes one argument", first, cursor.at - 1)
        return cursor.place(pst.UnaryOp(FUNCTIONS[word], arguments[0]), first)
    return _refuse_name(cursor, word, following)


def _refuse_name(cursor: Cursor, word: str, following: str) -> pst.Expr:
    if word == "if":
        cursor.fail("an `if` inside of an expression stands in brackets: `(if ... then ... else ...)`", cursor.at)
    if word in RESERVED:
        cursor.unexpected("a value")
    if following == "(" and word not in {"not", "NOT"}:
        cursor.fail(about_function(word), cursor.at)
    cursor.fail(about_variable(word), cursor.at)


def _qualified(cursor: Cursor) -> pst.Expr:
    first = cursor.at
    kind = type_name(cursor)
    if cursor.words[cursor.at] == "(":
        cursor.fail(about_function(str(kind)), first, cursor.at - 1)
    if cursor.words[cursor.at] != "::":
        cursor.fail(
            f"`{shown(str(kind))}` is a type, no value; did you mean `{entity_like(kind)}`?", first, cursor.at - 1
        )
    cursor.at += 1
    uid = cursor.place(pst.EntityUid(kind, cursor.text()), first)
    return cursor.place(pst.EntityLit(uid), first)


def _string(cursor: Cursor, _: Inner) -> pst.Expr:
    first = cursor.at
    return cursor.place(pst.StringLit(cursor.text()), first)


def _number(cursor: Cursor, _: Inner) -> pst.Expr:
    first = cursor.at
    return cursor.place(integer(cursor, sign=1), first)


def _slot(cursor: Cursor, _: Inner) -> pst.Expr:
    cursor.fail("a slot stands in the scope alone, as in `principal == ?principal`", cursor.at)


def _group(cursor: Cursor, inner: Inner) -> pst.Expr:
    opened = cursor.at
    cursor.at += 1
    node = inner(cursor)
    cursor.close(")", opened=opened, also=_OPERATOR)
    return node


def _set(cursor: Cursor, inner: Inner) -> pst.Expr:
    first = cursor.at
    return cursor.place(pst.Set(tuple(_listed(cursor, "]", inner))), first)


def _record(cursor: Cursor, inner: Inner) -> pst.Expr:
    opened = cursor.at
    fields: dict[str, pst.Expr] = {}
    cursor.at += 1
    while cursor.words[cursor.at] != "}":
        at = cursor.at
        name = cursor.text() if cursor.words[at][:1] == '"' else attribute(cursor, quoted=_KEY)
        if cursor.words[cursor.at] == "=":
            cursor.fail("in a record `:` stands between name and value", cursor.at)
        cursor.take(":", expected="`:` after the name of the attribute")
        if name in fields:
            cursor.fail(f"the record has the attribute `{shown(name)}` twice", at)
        fields[name] = inner(cursor)
        if cursor.words[cursor.at] != ",":
            break
        cursor.at += 1
    cursor.close("}", opened=opened, also="`,` or ")
    return cursor.place(pst.Record(pst.FrozenMap(fields)), opened)


def _arguments(cursor: Cursor, inner: Inner) -> list[pst.Expr]:
    return _listed(cursor, ")", inner)


def _listed(cursor: Cursor, closing: str, inner: Inner) -> list[pst.Expr]:
    opened = cursor.at
    found: list[pst.Expr] = []
    cursor.at += 1
    while cursor.words[cursor.at] != closing:
        found.append(inner(cursor))
        if cursor.words[cursor.at] != ",":
            break
        cursor.at += 1
    cursor.close(closing, opened=opened, also="`,` or ")
    return found


_READERS: Final[dict[str, Callable[[Cursor, Inner], pst.Expr]]] = {
    **dict.fromkeys(LETTERS, _named),
    **dict.fromkeys(DIGITS, _number),
    '"': _string,
    "?": _slot,
    "(": _group,
    "[": _set,
    "{": _record,
}
