r"""Globs: `*` is any text, `?` any one character, `\` takes the next character as it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

_LONGEST: Final = 512
_ANY: Final = ""
_ONE: Final = "."


class GlobError(ValueError):
    """The text is no glob; the message says why."""


@dataclass(frozen=True, slots=True)
class Glob:
    """Names by their form; `literal` is the one name where there are no wildcards."""

    text: str
    literal: str | None
    _start: str = field(repr=False, compare=False)
    _pattern: re.Pattern[str] = field(repr=False, compare=False)

    def matches(self, name: str) -> bool:
        """Whether `name` has that form."""
        if self.literal is not None:
            return name == self.literal
        return name.startswith(self._start) and self._pattern.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class ToolGlob:
    """Tools by `server/tool`: a `*` before the first `/` is of one server's name, one after it also stands for `/`."""

    server: Glob
    tool: Glob

    def matches(self, server: str, tool: str) -> bool:
        """Whether the tool is one of those."""
        return self.tool.matches(tool) and self.server.matches(server)


def read_glob(text: str) -> Glob:
    """The glob that `text` is.

    Raises:
        GlobError: it is empty, too long, or ends in a backslash.

    """
    if not text or len(text) > _LONGEST:
        raise GlobError(f"a glob has from 1 to {_LONGEST} characters")
    parts = list(_parts(text))
    start = "".join(part[1:] for part in takewhile(_is_plain, parts))
    return Glob(text, start if all(map(_is_plain, parts)) else None, start, _compiled(parts))


def read_tool_glob(text: str) -> ToolGlob:
    """The glob `server/tool` that `text` is.

    Raises:
        GlobError: it is not of that form.

    """
    server, slash, tool = text.partition("/")
    if not slash:
        raise GlobError(f"a glob is `server/tool`: for all tools of a server write `{text}/*`")
    return ToolGlob(read_glob(server), read_glob(tool))


def _parts(text: str) -> Iterator[str]:
    """`_ANY`, `_ONE`, or a backslash with the character that is meant as it is."""
    characters = iter(text)
    for character in characters:
        if character == "*":
            yield _ANY
        elif character == "?":
            yield _ONE
        elif character == "\\":
            following = next(characters, None)
            if following is None:
                raise GlobError("a glob ends in a `\\`, which takes the next character as it is")
            yield "\\" + following
        else:
            yield "\\" + character


def _is_plain(part: str) -> bool:
    return part not in {_ANY, _ONE}


def _compiled(parts: list[str]) -> re.Pattern[str]:
    """INVARIANT: what is between two `*` is looked for once, from left to right; nothing is tried again."""
    pieces = [""]
    for part in parts:
        if part == _ANY:
            pieces.append("")
        else:
            pieces[-1] += part if part == _ONE else re.escape(part[1:])
    first, *rest = pieces
    if not rest:
        return re.compile(first, re.DOTALL)
    *inner, last = rest
    middle = "".join(f"(?>.*?{piece})" for piece in inner if piece)
    return re.compile(f"{first}{middle}.*{last}", re.DOTALL)
