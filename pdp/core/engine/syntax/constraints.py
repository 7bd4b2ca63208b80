"""What a scope asks of the principal, the action and the resource."""

from typing import Final

from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.cursor import Cursor
from pdp.core.engine.syntax.names import entity, type_name
from pdp.core.engine.syntax.problem import shown

_SLOTS: Final[dict[str, pst.SlotName]] = {"?principal": "principal", "?resource": "resource"}
_ACTION: Final = "Action"


def entity_constraint(cursor: Cursor, *, name: str) -> pst.PrincipalOrResourceConstraint:
    """The constraint on `name`, the principal or the resource, that stands here.

    Raises:
        SyntaxProblem: it is none.

    """
    first = cursor.at
    _variable(cursor, name)
    word = cursor.words[cursor.at]
    found: pst.PrincipalOrResourceConstraint = pst.ScopeAny()
    if word in {"==", "in"}:
        cursor.at += 1
        one = _entity_or_slot(cursor, name)
        found = pst.ScopeEq(one) if word == "==" else pst.ScopeIn(one)
    elif word == "is":
        cursor.at += 1
        found = _type_constraint(cursor, name)
    return cursor.place(found, first)


def action_constraint(cursor: Cursor) -> pst.ActionConstraint:
    """The constraint on the action that stands here.

    Raises:
        SyntaxProblem: it is none.

    """
    first = cursor.at
    _variable(cursor, "action")
    word = cursor.words[cursor.at]
    found: pst.ActionConstraint = pst.ScopeAny()
    if word == "is":
        cursor.fail("an action has no type to ask for: write `==` or `in`", cursor.at)
    if word == "==":
        cursor.at += 1
        found = pst.ActionEq(_action(cursor))
    elif word == "in":
        cursor.at += 1
        found = pst.ActionIn(_actions(cursor))
    return cursor.place(found, first)


def _variable(cursor: Cursor, name: str) -> None:
    if cursor.words[cursor.at] == ")":
        cursor.fail(f"the scope lacks `{name}`: it is `(principal, action, resource)`", cursor.at)
    cursor.take(name, expected=f"`{name}`: a scope is `(principal, action, resource)`")
    if cursor.words[cursor.at] == ":":
        cursor.fail(f"write `{name} is` for the type of the {name}", cursor.at)


def _type_constraint(cursor: Cursor, name: str) -> pst.PrincipalOrResourceConstraint:
    first = cursor.at
    if not cursor.at_name():
        cursor.unexpected("the name of a type, as in `is Mcp::User`")
    kind = type_name(cursor)
    if cursor.words[cursor.at] == "::":
        cursor.fail("`is` asks for a type; write `==` for one entity, `in` for a group", first, cursor.at + 1)
    if cursor.words[cursor.at] != "in":
        return pst.ScopeIs(kind)
    cursor.at += 1
    return pst.ScopeIsIn(kind, _entity_or_slot(cursor, name))


def _actions(cursor: Cursor) -> tuple[pst.EntityUid, ...]:
    first = cursor.at
    brackets = _open_brackets(cursor)
    if cursor.words[cursor.at] != "[":
        cursor.at = first
        return (_action(cursor),)
    opened = cursor.at
    cursor.at += 1
    found: list[pst.EntityUid] = []
    while cursor.words[cursor.at] != "]":
        found.append(_action(cursor))
        if cursor.words[cursor.at] != ",":
            break
        cursor.at += 1
    cursor.close("]", opened=opened, also="`,` or ")
    _close_brackets(cursor, brackets)
    return tuple(found)


def _action(cursor: Cursor) -> pst.EntityUid:
    first = cursor.at
    brackets = _open_brackets(cursor)
    if cursor.words[cursor.at][:1] == "?":
        cursor.fail("an action has no slot", cursor.at)
    if cursor.words[cursor.at] == "[":
        cursor.fail("only `in` takes a list of actions, and lists hold no lists", cursor.at)
    if not cursor.at_name():
        cursor.unexpected('an action, as in `Mcp::Action::"server/tool"`')
    found = entity(cursor)
    if found.type.basename != _ACTION:
        cursor.fail(f"expected an action, found an entity of type `{shown(str(found.type))}`", first, cursor.at - 1)
    _close_brackets(cursor, brackets)
    return found


def _entity_or_slot(cursor: Cursor, name: str) -> pst.EntityOrSlot:
    brackets = _open_brackets(cursor)
    first = cursor.at
    word = cursor.words[first]
    if word == "[":
        cursor.fail(f"only `action` takes a list here: write `when {{ {name} in [...] }}`", first)
    if word[:1] == "?":
        if _SLOTS.get(word) != name:
            cursor.fail(f"the slot of the {name} is `?{name}`", first)
        cursor.at += 1
        found: pst.EntityOrSlot = cursor.place(pst.Slot(_SLOTS[word]), first)
    else:
        if not cursor.at_name():
            cursor.unexpected('an entity, as in `Mcp::Group::"staff"`')
        found = entity(cursor)
    _close_brackets(cursor, brackets)
    return found


def _open_brackets(cursor: Cursor) -> list[int]:
    found: list[int] = []
    while cursor.words[cursor.at] == "(":
        found.append(cursor.at)
        cursor.at += 1
    return found


def _close_brackets(cursor: Cursor, opened: list[int]) -> None:
    for index in reversed(opened):
        cursor.close(")", opened=index)
