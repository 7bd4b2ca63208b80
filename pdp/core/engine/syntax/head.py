"""What stands before a policy's conditions: annotations, effect, scope."""

from typing import Final, NamedTuple

from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.constraints import action_constraint, entity_constraint
from pdp.core.engine.syntax.cursor import Cursor
from pdp.core.engine.syntax.problem import shown
from pdp.core.engine.syntax.tokens import END

_INSTEAD: Final = {"allow": "permit", "deny": "forbid", "Permit": "permit", "Forbid": "forbid", "ALLOW": "permit"}


class Scope(NamedTuple):
    """The three constraints of a policy."""

    principal: pst.PrincipalOrResourceConstraint
    action: pst.ActionConstraint
    resource: pst.PrincipalOrResourceConstraint


def annotations(cursor: Cursor) -> tuple[dict[str, str], dict[str, tuple[int, int]]]:
    """The annotations that stand here: their texts, and their first and last tokens.

    Raises:
        SyntaxProblem: one is incomplete or stands twice.

    """
    values: dict[str, str] = {}
    places: dict[str, tuple[int, int]] = {}
    while cursor.words[cursor.at] == "@":
        first = cursor.at
        cursor.at += 1
        name = cursor.words[cursor.at]
        if not cursor.at_name():
            cursor.unexpected("the name of the annotation")
        cursor.at += 1
        value = _annotation_value(cursor, name)
        if name in values:
            cursor.fail(f"the policy has `@{shown(name)}` twice", first, cursor.at - 1)
        values[name], places[name] = value, (first, cursor.at - 1)
    return values, places


def effect(cursor: Cursor) -> pst.Effect:
    """The effect that stands here.

    Raises:
        SyntaxProblem: something else does.

    """
    word = cursor.words[cursor.at]
    if word in _INSTEAD:
        cursor.fail(f"write `{_INSTEAD[word]}` for `{word}`", cursor.at)
    if word not in {"permit", "forbid"}:
        cursor.unexpected("`permit` or `forbid`")
    cursor.at += 1
    return "permit" if word == "permit" else "forbid"


def scope(cursor: Cursor) -> Scope:
    """The scope that stands here, with its brackets.

    Raises:
        SyntaxProblem: it is none.

    """
    opened = cursor.at
    cursor.take("(", expected="`(`: a scope is `(principal, action, resource)`")
    principal = entity_constraint(cursor, name="principal")
    _comma(cursor, opened, "action")
    action = action_constraint(cursor)
    _comma(cursor, opened, "resource")
    resource = entity_constraint(cursor, name="resource")
    if cursor.words[cursor.at] == ",":
        cursor.at += 1
    if cursor.at_name():
        cursor.fail(
            "a scope has `principal`, `action` and `resource` alone; conditions go into `when { ... }`", cursor.at
        )
    _close(cursor, opened)
    return Scope(principal, action, resource)


def _annotation_value(cursor: Cursor, name: str) -> str:
    opened = cursor.at
    if cursor.words[opened] != "(":
        return ""
    cursor.at += 1
    if cursor.words[cursor.at][:1] != '"':
        cursor.unexpected(f'a text in double quotes, as in `@{shown(name)}("...")`')
    value = cursor.text()
    cursor.close(")", opened=opened)
    return value


def _comma(cursor: Cursor, opened: int, following: str) -> None:
    if cursor.words[cursor.at] == ")":
        cursor.fail(f"the scope lacks `{following}`: it is `(principal, action, resource)`", cursor.at)
    _refuse_operator(cursor)
    if cursor.words[cursor.at] in {END, ";"}:
        cursor.close(")", opened=opened)
    cursor.take(",", expected=f"`,` and `{following}`")


def _close(cursor: Cursor, opened: int) -> None:
    _refuse_operator(cursor)
    cursor.close(")", opened=opened)


def _refuse_operator(cursor: Cursor) -> None:
    word = cursor.words[cursor.at]
    if word in {"!=", "<", "<=", ">", ">=", "&&", "||", "and", "or", ".", "has", "like", "[", "is"}:
        cursor.fail("a scope knows `==`, `in` and `is`; other conditions go into `when { ... }`", cursor.at)
