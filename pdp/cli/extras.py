"""Extras of the distribution: which one brings a library that is missing."""

import re
from collections.abc import Iterable
from importlib.metadata import requires
from typing import Final

from pdp.core.contract.errors import UnusableError

DISTRIBUTION: Final = "toolgate"
_EVERYTHING: Final = "all"
_REQUIREMENT: Final = re.compile(r"""([A-Za-z0-9._-]+).*;.*\bextra\s*==\s*['"]([a-z0-9-]+)['"]""")


def missing_extra(error: ModuleNotFoundError, *, verb: str, preferred: str | None) -> UnusableError:
    """What to tell whoever ran `verb` without the library that `error` missed."""
    module = (error.name or "").partition(".")[0]
    extra = extra_with(module, requirements=requires(DISTRIBUTION) or (), preferred=preferred)
    what = f"`{DISTRIBUTION} {verb}` needs `{module}`"
    if extra is None:
        return UnusableError(f"{what}, which is not installed: pip install --force-reinstall {DISTRIBUTION}")
    return UnusableError(f"{what}, which an extra brings: pip install '{DISTRIBUTION}[{extra}]'")


def extra_with(module: str, *, requirements: Iterable[str], preferred: str | None) -> str | None:
    """The extra among `requirements` (as metadata has them) that brings `module`; `preferred` where several do."""
    found = [
        match[2]
        for requirement in requirements
        if (match := _REQUIREMENT.match(requirement))
        and match[2] != _EVERYTHING
        and re.sub(r"[-.]", "_", match[1]).lower() == module.lower()
    ]
    return preferred if preferred in found else next(iter(found), None)
