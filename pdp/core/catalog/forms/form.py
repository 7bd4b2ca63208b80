"""Forms: an argument that names a place has one form, which is decided on and forwarded, or is refused.

Whatever two readers could take for two places is refused: the reader that decides is not the one that opens.
"""

import unicodedata
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FITTED: Final = frozenset("\u00a5\u20a9\u2044\u2215\u2216\u29f5\u29f8\u29f9")
"""What Windows' code pages turn into a slash or backslash (best fit mapping), besides what NFKC does."""


class FormError(ValueError):
    """The text has no form that every reader would read alike; the message has the rule, never the text."""


def check_length(text: str, *, what: str, most: int) -> None:
    """`text` has from 1 to `most` characters.

    Raises:
        FormError: it has not.

    """
    if not 0 < len(text) <= most:
        raise FormError(f"a {what} has 1 to {most} characters")


def check_visible(text: str, *, what: str) -> None:
    """`text` has no control, invisible or unassigned character.

    Raises:
        FormError: it has one.

    """
    if text.isascii() and text.isprintable():
        return
    if any(unicodedata.category(character) in _UNSEEN for character in text):
        raise FormError(f"the {what} has a control character or an invisible one")


def check_folding(text: str, *, what: str, syntax: str) -> None:
    """No character of `text` becomes one of `syntax`, a slash or a backslash on the way.

    Raises:
        FormError: a Unicode normalisation or a code page would make one of it.

    """
    if text.isascii():
        return
    folded = unicodedata.normalize("NFKC", text)
    if not _FITTED.isdisjoint(text) or any(folded.count(each) != text.count(each) for each in syntax):
        raise FormError(f"the {what} has characters that some readers turn into syntax")
