"""`${NAME}` in a value: the one way a secret gets into the settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pdp.core.document.scalar import unprintable

_REFERENCE: Final = re.compile(r"\$(?P<escaped>\$(?=\{))|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<broken>\$\{)")


@dataclass(frozen=True, slots=True)
class Interpolation:
    """`text` with its variables put in; `problems` are (code, message) pairs, and with any the text is void."""

    text: str
    variables: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def interpolate(template: str, *, environ: Mapping[str, str]) -> Interpolation:
    """`template` with each `${NAME}` replaced by `environ`'s value; `$${` stands for `${` itself.

    What comes in is text and is not read again: no type, no key and no further reference can come with it.
    """
    variables: list[str] = []
    problems: list[tuple[str, str]] = []

    def replaced(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        if match["broken"]:
            message = "`${` starts no variable, write `${NAME}`, or `$${` for `${` itself"
            problems.append(("variable_malformed", message))
            return ""
        name = match["name"]
        variables.append(name)
        value = environ.get(name)
        if value is None:
            problems.append(("variable_missing", f"environment variable `{name}` is not set"))
            return ""
        bad = unprintable(value)
        if bad:
            problems.append(("unprintable", f"environment variable `{name}` holds character {bad.name}"))
        return value

    text = _REFERENCE.sub(replaced, template)
    return Interpolation(text, tuple(variables), tuple(problems))
