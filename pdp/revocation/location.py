"""Where `pdp.revocations.url` points to."""

from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError
from pdp.core.settings.decision_point import PdpSettings
from pdp.revocation.store import RevocationStore

_SQLITE: Final = "sqlite:///"
_FILE: Final = "revocations.db"


def open_revocations(pdp: PdpSettings, *, base: Path) -> RevocationStore:
    """The store of revocations; a relative path in its URL is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    return RevocationStore(
        base / pdp.state / _FILE if pdp.revocations.url is None else base / _file(pdp.revocations.url)
    )


def _file(url: str) -> str:
    path = url.removeprefix(_SQLITE)
    if path == url or not path or path == ":memory:" or "?" in path or "\0" in path:
        raise UnusableError(f"`{url}` names no store of revocations: write `sqlite:///revocations.db`")
    return path
