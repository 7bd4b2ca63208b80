"""The mapping where there is no `identity.yaml`: the claims that issuers commonly use, for every alias."""

from typing import Final

from pdp.core.identity.attribute import AttributeType
from pdp.core.identity.condition import Condition
from pdp.core.identity.delegation import DelegationSource
from pdp.core.identity.mapping import AgentEntry, IdentityMapping, IssuerEntry
from pdp.core.identity.source import Source

_CLIENT: Final = ("client_id", "azp")

BUILT_IN: Final = IdentityMapping(
    attributes={"email": AttributeType.STRING},
    default=IssuerEntry(
        id=Source(("sub",)),
        groups=(Source(("groups",), default=[]),),
        roles=(Source(("roles",), default=[]),),
        tenant=Source(("tenant",), default=None),
        scopes=(Source(("scope", "scp"), split=" ", default=[]),),
        actor=Source(_CLIENT, default=None),
        attributes={"email": Source(("email",), default=None)},
        delegation=DelegationSource(),
        agent=AgentEntry(when=Condition(claim=("sub",), equals_claim=_CLIENT)),
    ),
)
"""A token whose subject is its own client is an agent's; what it does not have, its principal does not have."""
