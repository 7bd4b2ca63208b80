"""What may be wrong with a revocation that is well formed."""

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.revocation import RevocationKind


def doubt_about(kind: RevocationKind, identifier: str, *, catalog: Catalog) -> str | None:
    """A warning when `catalog` has no server or tool of that name, None where there is nothing to say."""
    match kind:
        case RevocationKind.SERVER if identifier not in catalog.servers():
            return f"the catalog has no server `{identifier}`"
        case RevocationKind.TOOL if catalog.find(identifier) is None:
            return f"the catalog has no tool `{identifier}`"
        case _:
            return None
