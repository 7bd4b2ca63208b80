"""Who and what generated policies and requests have in common, so that they meet."""

from datetime import UTC, datetime
from typing import Final

from pdp.core.identity.attribute import AttributeType
from pdp.core.identity.mapping import IdentityMapping, IssuerEntry
from pdp.core.identity.source import Source

USERS: Final = ("corp|alice", "corp|bob", "corp|eve")
AGENTS: Final = ("corp|bot", "corp|coder")
GROUPS: Final = ("corp|eng", "corp|ops", "corp|all staff")
ROLES: Final = ("corp|admin", "corp|reader")
TENANTS: Final = ("corp|acme", "corp|zeta")
EMAILS: Final = ("alice@example.com", "bob@example.org")
LEVELS: Final = (-1, 0, 3, 2**62)
TEAMS: Final = ("red", "blue", "Red")
MAPPING: Final = IdentityMapping(
    attributes={
        "email": AttributeType.STRING,
        "level": AttributeType.LONG,
        "staff": AttributeType.BOOLEAN,
        "teams": AttributeType.STRINGS,
        "since": AttributeType.DATETIME,
        "desk": AttributeType.IP,
        "quota": AttributeType.DECIMAL,
    },
    default=IssuerEntry(id=Source(("sub",))),
)
"""What principals are made by: attributes of each type, for every issuer."""
SCOPES: Final = ("tools:read", "tools:write", "admin")
IPS: Final = ("10.1.2.3", "127.0.0.1", "192.168.0.9", "::1", "fd00::7")
SESSIONS: Final = ("s-1", "s-2", "main")
HOSTS: Final = ("gateway", "wrap")
"""Names of enforcers and of transports."""
INSTANTS: Final = ("2026-07-28T12:00:00Z", "2026-07-28", "2026-07-28T12:00:00.500Z", "1970-01-01", "2027-01-01")
NOW: Final = 1_785_240_000.0
"""2026-07-28T12:00:00Z"""

_LITERALS: Final = [datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in INSTANTS]
INSTANTS_AROUND: Final = tuple(
    sorted({at + day + step for at in _LITERALS for day in (0, -86_400) for step in (-0.001, 0, 0.001, 0.501)})
)
"""Unix times just before, at and after what policies compare the clock with."""
