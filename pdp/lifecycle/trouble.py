"""What keeps a bundle from being taken, whoever takes it: which errors, what they are called, what is told of them."""

from typing import Final, TypeAlias

from pdp.core.contract.errors import BundleError, ConfigurationError
from pdp.lifecycle.archive import ArchiveError
from pdp.lifecycle.source import SourceError
from pdp.lifecycle.standing import Trouble
from pdp.lifecycle.state import StateError

TroubleError: TypeAlias = ConfigurationError | BundleError | SourceError | ArchiveError
TROUBLES: Final = (ConfigurationError, BundleError, SourceError, ArchiveError)


def trouble_of(error: TroubleError) -> Trouble:
    """What `error` is called."""
    match error:
        case StateError() | ArchiveError():
            return Trouble.UNKEPT
        case SourceError():
            return Trouble.UNAVAILABLE
        case BundleError():
            return Trouble.UNTRUSTED
        case _:
            return Trouble.REFUSED


def problems_told(error: TroubleError) -> list[str]:
    """What the log says is wrong, a line each."""
    return [str(one) for one in error.problems] if isinstance(error, ConfigurationError) else [str(error)]
