"""Where in a token's claims a value is: paths as RFC 9535 writes singular queries, with a `[*]` at the end at most."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

MAX_STEPS: Final = 8

_HELD: Final = 1024
_CLAIM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP: Final = re.compile(
    r"\.(?P<plain>[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*)"
    r"|\[(?P<index>0|-?[1-9][0-9]{0,3})\]"
    r"|\['(?P<single>(?:[^'\\\x00-\x1f]|\\['\\])*)'\]"
    r'|\["(?P<double>(?:[^"\\\x00-\x1f]|\\["\\])*)"\]'
)
_ESCAPED: Final = re.compile(r"\\(.)")
_ALL: Final = "[*]"
_NAMES: Final = "_claim_names"
_OVERAGE: Final = "hasgroups"


class PathError(ValueError):
    """The text is no path."""


class ClaimError(ValueError):
    """A claim is not as the mapping needs it; says which and what is wanted, never its value."""


class Missing:
    """There is nothing at the path."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class ClaimPath:
    """A path in claims: `text` as written; with `members`, it is each member of the array there."""

    text: str
    steps: tuple[str | int, ...]
    members: bool = False


@lru_cache(_HELD)
def read_path(text: str) -> ClaimPath:
    """The path that `text` writes: `$.realm_access.roles`, `$['https://example.com/roles'][*]`, or a claim's name.

    Raises:
        PathError: it writes none.

    """
    if _CLAIM.fullmatch(text):
        return ClaimPath(text, (text,))
    if not text.startswith("$"):
        raise PathError(f"`{text}` is neither a claim's name nor a path: write `$['{text}']` for a name like this")
    rest = text[1:].removesuffix(_ALL)
    steps, at = [], 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise PathError(f"`{text}` is no path of names and indexes, with `{_ALL}` at its end at most")
        steps.append(_step(match))
        at = match.end()
    if not steps or not isinstance(steps[0], str):
        raise PathError(f"`{text}` names no claim")
    if len(steps) > MAX_STEPS:
        raise PathError(f"`{text}` has more than {MAX_STEPS} steps")
    return ClaimPath(text, tuple(steps), members=text.endswith(_ALL))


def find(path: ClaimPath, claims: Mapping[str, Any]) -> Any:
    """What is at `path`, `MISSING` where there is nothing.

    INVARIANT: a claim that is given by reference is an error, for its absence would be taken for an empty one.

    Raises:
        ClaimError: it is given by reference, or the path leads through something that has no parts.

    """
    _refuse_reference(str(path.steps[0]), claims)
    value: Any = claims
    for index, step in enumerate(path.steps):
        if isinstance(step, str) and isinstance(value, Mapping):
            value = value.get(step, MISSING)
        elif isinstance(step, int) and isinstance(value, list):
            value = value[step] if -len(value) <= step < len(value) else MISSING
        else:
            wanted = "an object" if isinstance(step, str) else "an array"
            raise ClaimError(f"what is before step {index + 1} of `{path.text}` must be {wanted}")
        if value is MISSING:
            return MISSING
    if path.members and not isinstance(value, list):
        raise ClaimError(f"claim `{path.text.removesuffix(_ALL)}` must be an array")
    return value


def first(paths: Iterable[str], claims: Mapping[str, Any]) -> tuple[str, Any]:
    """The first of `paths` at which there is something, and what is there; "" and `MISSING` where none has anything.

    Raises:
        ClaimError: as `find`.

    """
    for text in paths:
        value = find(read_path(text), claims)
        if value is not MISSING:
            return text, value
    return "", MISSING


def _step(match: re.Match[str]) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["plain"] is not None:
        return match["plain"]
    quoted = match["single"] if match["single"] is not None else match["double"]
    return _ESCAPED.sub(r"\1", quoted)


def _refuse_reference(claim: str, claims: Mapping[str, Any]) -> None:
    """Aggregated and distributed claims (OpenID Connect Core 1.0, section 5.6.2), and how Entra ID says the same."""
    names = claims.get(_NAMES, {})
    if not isinstance(names, Mapping):
        raise ClaimError(f"claim `{_NAMES}` must be an object")
    overage = claim == "groups" and claims.get(_OVERAGE, False) is not False
    if claim in names or overage or f"{claim}:src1" in claims:
        text = f"claim `{claim}` is not in the token, which refers to another place for it"
        raise ClaimError(text)
