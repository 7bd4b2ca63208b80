"""Where `pdp.revocations.url` points to."""

from pathlib import Path
from typing import Final

from pdp.core.contract.errors import UnusableError
from pdp.core.settings.decision_point import PdpSettings
from pdp.database.address import FileAddress, address_of, without_secrets
from pdp.revocation.store import RevocationStore

_FORMS: Final = "write `sqlite:///revocations.db` or `postgresql://user@host/database`"
_FILE: Final = "revocations.db"


def open_revocations(pdp: PdpSettings, *, base: Path) -> RevocationStore:
    """The store of revocations; a relative path in its URL is relative to `base`.

    Raises:
        UnusableError: it cannot be opened, or the URL is of another kind.

    """
    if pdp.revocations.url is None:
        return RevocationStore(base / pdp.state / _FILE)
    address = address_of(pdp.revocations.url, base=base)
    if isinstance(address, FileAddress):
        return RevocationStore(address.path)
    if address is None or not address.is_postgresql:
        shown = without_secrets(pdp.revocations.url)
        raise UnusableError(f"`{shown}` names no store of revocations: {_FORMS}")
    return RevocationStore(address)
