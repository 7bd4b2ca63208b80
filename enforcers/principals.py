"""Principals for callers: verified claims under the claims mapping of now."""

from typing import Final

import cachetools

from enforcers.catalog_view import CatalogView
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import principal_of
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.principal import Principal

MAX_HELD: Final = 4096


class Principals:
    """Maps claims; holds what a mapping made of claims that are asked about again."""

    def __init__(self, view: CatalogView) -> None:
        self._view = view
        self._held: cachetools.LRUCache[int, tuple[VerifiedClaims, IdentityMapping, Principal]]
        self._held = cachetools.LRUCache(MAX_HELD)

    async def of(self, claims: VerifiedClaims) -> Principal:
        """The principal of `claims` under the mapping that is active now.

        Raises:
            TokenError: `identity_unmapped`.
            DecisionError: there is no mapping.

        """
        return self._mapped(claims, await self._view.mapping())

    async def again(self, claims: VerifiedClaims, *, stale: Principal) -> Principal:
        """As `of`, once the decision point has said that its mapping is another than that of `stale`.

        Raises:
            TokenError: `identity_unmapped`.
            DecisionError: the mapping could not be had.

        """
        return self._mapped(claims, await self._view.mapping_after(stale.properties.mapping))

    def _mapped(self, claims: VerifiedClaims, mapping: IdentityMapping) -> Principal:
        """INVARIANT: what is held is of these very objects; as long as it is held, no others have their identity."""
        held = self._held.get(id(claims))
        if held is not None and held[0] is claims and held[1] is mapping:
            return held[2]
        principal = principal_of(claims, mapping=mapping)
        self._held[id(claims)] = (claims, mapping, principal)
        return principal
