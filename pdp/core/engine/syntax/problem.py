"""What keeps a policy's text from being read."""

from typing import Final

from pdp.core.engine.syntax.span import Span

_MAX_SHOWN: Final = 40


class SyntaxProblem(ValueError):  # noqa: N818 - one problem of many that a compilation reports
    """The text is no policy; `span` is where it stops being one."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class ExcessProblem(SyntaxProblem):
    """The text is over a bound; `message` names it."""


def shown(word: str) -> str:
    """`word` on one line, shortened, for a message."""
    plain = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in word)
    plain = plain.replace("`", "'")
    return plain if len(plain) <= _MAX_SHOWN else f"{plain[:_MAX_SHOWN]}..."
