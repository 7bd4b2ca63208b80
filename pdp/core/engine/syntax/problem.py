"""What keeps a policy's text from being read."""

from pdp.core.engine.syntax.span import Span


class SyntaxProblem(ValueError):  # noqa: N818 - one problem of many that a compilation reports
    """The text is no policy; `span` is where it stops being one."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


class ExcessProblem(SyntaxProblem):
    """The text is over a bound; `message` names it."""
