"""Patterns of `like`: characters, and wildcards for any text, the empty one too."""

from collections.abc import Sequence
from dataclasses import dataclass

from pdp.core.engine.cedar import pst


@dataclass(frozen=True, slots=True)
class Pattern:
    """The texts between the wildcards, in order; one text alone has no wildcard beside it."""

    texts: tuple[str, ...]

    @staticmethod
    def of(elements: Sequence[pst.PatternElem]) -> "Pattern":
        """The pattern of a `like`."""
        texts = [""]
        for element in elements:
            if isinstance(element, pst.Char):
                texts[-1] += element.value
            else:
                texts.append("")
        return Pattern(tuple(texts))

    def matches(self, text: str) -> bool:
        """Whether `text` is one of the pattern's, found without going back."""
        first, *middle = self.texts
        if not middle:
            return text == first
        last = middle.pop()
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last) or end < len(first):
            return False
        at = len(first)
        for part in middle:
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True
