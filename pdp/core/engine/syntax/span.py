"""Stretches of a policy's text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The characters [start, end) of a statement's text."""

    start: int
    end: int
