"""The chain of agents that act for a principal (RFC 8693, section 4.1)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pdp.core.identity.path import MISSING, ClaimError, find, read_path
from pdp.core.identity.source import Reading, Source

MAX_ACTORS: Final = 16

_SUBJECT: Final = Source(("sub",))


class DelegationSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The claim that names who acts, and each one within it who acted before.

    `issuers` are the aliases of actors that another issuer than the token's names, by that issuer.
    """

    claim: str = "act"
    issuers: dict[str, str] = {}


def actors(source: DelegationSource, claims: Mapping[str, Any], *, alias: str, issuer: str) -> tuple[str, ...]:
    """The actors, nearest first, each with its issuer's alias; `alias` and `issuer` are the token's.

    Raises:
        ClaimError: one is not as it must be, is of an issuer without an alias, or there are too many.

    """
    chain: list[str] = []
    act = find(read_path(source.claim), claims)
    while act is not MISSING:
        if not isinstance(act, Mapping):
            raise ClaimError(f"claim `{source.claim}` must be an object, and so must each `act` within it")
        if len(chain) == MAX_ACTORS:
            raise ClaimError(f"claim `{source.claim}` has more than {MAX_ACTORS} actors")
        of = act.get("iss", issuer)
        known = alias if of == issuer else source.issuers.get(of) if isinstance(of, str) else None
        if known is None:
            raise ClaimError(f"claim `{source.claim}` names an actor of an issuer that the mapping does not know")
        chain.append(f"{known}|{Reading(act).name('actor', _SUBJECT)}")
        act = act.get("act", MISSING)
    return tuple(chain)
