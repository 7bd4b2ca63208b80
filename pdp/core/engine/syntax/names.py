"""Names in policies: of types, of entities, of attributes; reserved words are none."""

from typing import Final

from pdp.core.engine.cedar import pst
from pdp.core.engine.syntax.cursor import Cursor
from pdp.core.engine.syntax.problem import shown
from pdp.core.engine.syntax.tokens import LETTERS
from pdp.core.engine.syntax.vocabulary import RESERVED

_OPERATOR_WORDS: Final = frozenset({"has", "like", "in", "is"})


def type_name(cursor: Cursor) -> pst.EntityType:
    """The type name that starts here; before the `::` of an entity's id it ends.

    Raises:
        SyntaxProblem: there is none.

    """
    first = cursor.at
    words = cursor.words
    parts = [_part(cursor)]
    while words[cursor.at] == "::" and words[cursor.at + 1][:1] != '"':
        cursor.at += 1
        parts.append(_part(cursor))
    return cursor.place(pst.EntityType(parts[-1], tuple(parts[:-1])), first)


def entity(cursor: Cursor) -> pst.EntityUid:
    """The entity, `Type::"id"`, that starts here.

    Raises:
        SyntaxProblem: there is none.

    """
    first = cursor.at
    kind = type_name(cursor)
    if cursor.words[cursor.at] != "::":
        cursor.fail(
            f"expected an entity, as in `{entity_like(kind)}`, found `{shown(str(kind))}`", first, cursor.at - 1
        )
    cursor.at += 1
    return cursor.place(pst.EntityUid(kind, cursor.text()), first)


def attribute(cursor: Cursor, *, quoted: str) -> str:
    """The attribute's name that stands here; `quoted` shows how to write one that is a reserved word.

    Raises:
        SyntaxProblem: there is none, or it must be written as a text.

    """
    word = cursor.words[cursor.at]
    if word[:1] not in LETTERS:
        cursor.unexpected("the name of an attribute")
    if word in RESERVED:
        if word in _OPERATOR_WORDS and cursor.words[cursor.at + 1] == "(":
            cursor.fail(f"`{word}` is an operator: write `... {word} ...`, without dot and brackets", cursor.at)
        cursor.fail(
            f"`{word}` is a reserved word: write `{quoted.format(word)}` for an attribute of this name", cursor.at
        )
    cursor.at += 1
    return word


def entity_like(kind: pst.EntityType) -> str:
    """The entity that somebody may have meant who wrote `kind`."""
    return f'{shown("::".join(kind.namespace))}::"{shown(kind.basename)}"' if kind.namespace else 'Mcp::Group::"staff"'


def _part(cursor: Cursor) -> str:
    word = cursor.words[cursor.at]
    if word[:1] not in LETTERS:
        cursor.unexpected("a name")
    if word in RESERVED:
        cursor.fail(f"`{word}` is a reserved word and names no type", cursor.at)
    cursor.at += 1
    return word
