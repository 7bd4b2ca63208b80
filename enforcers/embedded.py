"""A decision point in this process, found by entry point so that no enforcer imports one."""

from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, TypeAlias

from enforcers.decision_source import DecisionPoint
from pdp.core.contract.errors import UnusableError

GROUP: Final = "toolgate.local_pdp"

Opener: TypeAlias = Callable[..., Awaitable[DecisionPoint]]


async def open_embedded(settings: Any, *, base: Path, enforcer: str) -> DecisionPoint:
    """The decision point of `settings` (paths relative to `base`), asked by the enforcer of that name.

    Raises:
        UnusableError: this installation has none.
        ConfigurationError: its policies, schemas or state cannot be used.

    """
    for entry in entry_points(group=GROUP):
        try:
            opener: Opener = entry.load()
        except ModuleNotFoundError as error:
            text = f"embedded decisions need `{error.name}`: pip install 'toolgate[embedded]'"
            raise UnusableError(text) from error
        return await opener(settings, base=base, enforcer=enforcer)
    raise UnusableError("this installation has no decision point to embed: pip install 'toolgate[embedded]'")
