"""Where characters that are not seen belong to what is seen.

Sources: Unicode 16, chapter 23 (joiners, selectors); UTS 51 (emoji); UTS 37 (variants of ideographs).
"""

import re
from collections.abc import Iterator
from typing import Final

_PICTURES: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_IDEOGRAPHS: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_MONGOLIAN: Final = "\u1820-\u1878\u1880-\u18aa"
_JOINING: Final = (
    "\u0620-\u065f\u066e-\u06d5\u06fa-\u06ff\u0750-\u077f\u0870-\u08c9\ufb50-\ufbb1\ufbd3-\ufd3d\ufe70-\ufefc",
    "\u0710-\u074f\u0860-\u086a",
    "\u07ca-\u07ea",
    "\u0840-\u085b",
    "\u0900-\u0963\u0971-\u097f\ua8f2-\ua8ff",
    "\u0980-\u09e3\u09f0\u09f1",
    "\u0a00-\u0a65\u0a70-\u0a75",
    "\u0a80-\u0ae3\u0af9-\u0aff",
    "\u0b00-\u0b63\u0b71",
    "\u0b80-\u0bcf",
    "\u0c00-\u0c63",
    "\u0c80-\u0ce3\u0cf1-\u0cf3",
    "\u0d00-\u0d63\u0d7a-\u0d7f",
    "\u0d80-\u0ddf",
    "\u1000-\u103f\u1050-\u109d",
)
"""Letters and marks of scripts that are written with joiners: Arabic, Syriac, N'Ko, Mandaic, Devanagari, Bengali,
Gurmukhi, Gujarati, Oriya, Tamil, Telugu, Kannada, Malayalam, Sinhala, Myanmar."""
_SPACELESS: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e",
    "\u0e81-\u0ece",
    "\u1780-\u17b3\u17b6-\u17d3",
    "\u1000-\u103f\u1050-\u109d",
)
"""Letters and marks of scripts without spaces between words: Thai, Lao, Khmer, Myanmar."""
_VIRAMA: Final = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_MAX_VARIANTS: Final = 8
"""So many variants of ideographs in one text: each selector can carry a byte."""


def _tags(letters: str) -> str:
    return "".join(chr(0xE0000 + ord(letter)) for letter in letters)


_FLAG: Final = f"\U0001f3f4(?:{'|'.join(map(_tags, ('gbeng', 'gbsct', 'gbwls')))})\U000e007f"
"""The flags with tags that are in general use; with any other tags a black flag is all that is seen."""
_CANDIDATE: Final = re.compile("[\u180b-\u180f\u200b-\u200d\ufe00\ufe0e\ufe0f\U0001f3f4]")
"""INVARIANT: what `_LEGAL` matches begins with one of these; only there is it tried, which is several times faster."""
_LEGAL: Final = re.compile(
    "|".join(
        (
            _FLAG,
            f"(?:(?<=[{_PICTURES}])|(?<=[{_PICTURES}]\ufe0f))\u200d(?=[{_PICTURES}])",
            f"(?<=[{_PICTURES}])[\ufe0e\ufe0f]",
            "(?<=[#*0-9])\ufe0f(?=\u20e3)",
            "(?<=[\u2200-\u22ff\u2a00-\u2aff])\ufe00",
            f"(?<=[{_MONGOLIAN}])[\u180b-\u180d\u180f]",
            f"(?<=[{_MONGOLIAN}])\u180e(?=[{_MONGOLIAN}])",
            f"(?<=[{_VIRAMA}])[\u200c\u200d]",
            *(f"(?<=[{script}])[\u200c\u200d](?=[{script}])" for script in _JOINING),
            *(f"(?<=[{script}])\u200b(?=[{script}])" for script in _SPACELESS),
        )
    )
)
_VARIANT: Final = re.compile(f"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe02\U000e0100-\U000e01ef]")


def legal_positions(text: str) -> frozenset[int]:
    """The positions in `text` of characters that are not seen and belong where they are."""
    if text.isascii():
        return frozenset()
    variants = [match.start() for match in _VARIANT.finditer(text)]
    return frozenset(
        [position for match in _matches(text) for position in range(*match.span())]
        + (variants if len(variants) <= _MAX_VARIANTS else [])
    )


def _matches(text: str) -> Iterator[re.Match[str]]:
    found = (_LEGAL.match(text, candidate.start()) for candidate in _CANDIDATE.finditer(text))
    return (match for match in found if match is not None)
