"""A place among the tokens of a policy, the nodes read so far, and what is said when reading cannot go on."""

from typing import Final, NoReturn, TypeVar

from pdp.core.engine.syntax.literals import EscapeError, string_value
from pdp.core.engine.syntax.mistakes import mistake_at
from pdp.core.engine.syntax.problem import ExcessProblem, SyntaxProblem, shown
from pdp.core.engine.syntax.source import MAX_DEPTH
from pdp.core.engine.syntax.span import Span
from pdp.core.engine.syntax.tokens import DIGITS, END, LETTERS, Tokens

TOKEN_BITS: Final = 32
"""A place is one number, so that the garbage collector has nothing to look after: first token, then last."""

_OPENING: Final = {")": "(", "]": "[", "}": "{"}
_Node = TypeVar("_Node")


class Cursor:
    """Reads `tokens` from `at` on; `places` has each node's first and last token, by its identity.

    INVARIANT: what is placed becomes part of the tree, so that no identity is given to two nodes.
    """

    __slots__ = ("at", "depth", "places", "tokens", "words")

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.words = tokens.words
        self.at = 0
        self.depth = 0
        self.places: dict[int, int] = {}

    def place(self, node: _Node, first: int) -> _Node:
        """`node`, remembered as read from token `first` up to here."""
        self.places[id(node)] = first << TOKEN_BITS | self.at - 1
        return node

    def deepen(self) -> None:
        """One more expression within expressions.

        Raises:
            ExcessProblem: that is one too many.

        """
        self.depth += 1
        if self.depth > MAX_DEPTH + 1:
            raise ExcessProblem(f"a policy nests at most {MAX_DEPTH} levels deep", self.tokens.span(self.at, self.at))

    def take(self, word: str, *, expected: str) -> None:
        """Go past `word`.

        Raises:
            SyntaxProblem: something else is here.

        """
        if self.words[self.at] != word:
            self.unexpected(expected)
        self.at += 1

    def close(self, word: str, *, opened: int, also: str = "") -> None:
        """Go past the bracket `word` that closes the one at token `opened`; `also` is what else may stand here.

        Raises:
            SyntaxProblem: something else is here.

        """
        found = self.words[self.at]
        if found == word:
            self.at += 1
            return
        if found in {END, ";"}:
            self.fail(f"the `{_OPENING[word]}` that stands here is never closed", opened)
        self.unexpected(f"{also}`{word}`")

    def text(self) -> str:
        """Go past a string literal; its value.

        Raises:
            SyntaxProblem: it has an escape that is none.

        """
        try:
            value = string_value(self.words[self.at])
        except EscapeError as error:
            self.refuse_escape(error)
        self.at += 1
        return value

    def refuse_escape(self, error: EscapeError) -> NoReturn:
        """Raise the problem with an escape in the literal that stands here."""
        start = self.tokens.span(self.at, self.at).start
        raise SyntaxProblem(str(error), Span(start + error.start, start + error.end)) from error

    def unexpected(self, expected: str) -> NoReturn:
        """Raise the problem that something else than `expected` is here."""
        mistake = mistake_at(self.words, at=self.at)
        if mistake is not None:
            self.fail(*mistake)
        self.fail(f"expected {expected}, found {self.found()}", self.at)

    def found(self) -> str:
        """What is here, for a message."""
        word = self.words[self.at]
        if word == END:
            return "the end of the policy"
        kind = "the text " if word[0] == '"' else "the number " if word[0] in DIGITS else ""
        return f"{kind}`{shown(word)}`"

    def fail(self, message: str, first: int, last: int | None = None) -> NoReturn:
        """Raise a problem at the tokens from `first` to `last`."""
        raise SyntaxProblem(message, self.tokens.span(first, first if last is None else last))

    def at_name(self) -> bool:
        """Whether an identifier or a keyword is here."""
        return self.words[self.at][:1] in LETTERS
