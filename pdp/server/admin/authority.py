"""Who may do what here: roles by membership, actions by the policies in `roles.cedar`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Final

from pdp.core.contract.errors import ToolgateError
from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid, Verdict
from pdp.core.identity.principal import Principal, PrincipalType

POLICIES: Final = files(__package__).joinpath("roles.cedar").read_text(encoding="utf-8")
SCHEMA: Final = files(__package__).joinpath("schema.json").read_text(encoding="utf-8")

_SYSTEM: Final = EntityUid("Admin::System", "toolgate")
_TYPES: Final = {PrincipalType.USER: "Admin::User", PrincipalType.AGENT: "Admin::Agent"}


class Role(StrEnum):
    """What people are here."""

    AUDITOR = "auditor"
    OPERATOR = "operator"
    PUBLISHER = "publisher"
    APPROVER = "approver"


class AdminAction(StrEnum):
    """What can be done here."""

    STATUS_READ = "status:read"
    REVOCATIONS_READ = "revocations:read"
    REVOCATIONS_WRITE = "revocations:write"
    LOG_READ = "log:read"
    POLICIES_PUBLISH = "policies:publish"
    CALLS_APPROVE = "calls:approve"


class NotPermittedError(ToolgateError):
    """No policy lets this person do this."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose token was verified, with the roles they have here."""

    principal: Principal
    roles: tuple[Role, ...]


class Authority:
    """Decides by `policies`; `members` are written `group:corp|admins`, `user:`, `agent:` or `role:`."""

    def __init__(self, members: Mapping[Role, Sequence[str]], *, policies: str = POLICIES) -> None:
        self._members = {role: frozenset(names) for role, names in members.items()}
        self._policies = cedar.policy_set(cedar.read_trees(policies))

    def person(self, principal: Principal) -> Person:
        """`principal` with the roles it has by itself and by its groups and roles at its issuer."""
        names = {
            f"{principal.type}:{principal.id}",
            *(f"group:{name}" for name in principal.properties.groups),
            *(f"role:{name}" for name in principal.properties.roles),
        }
        return Person(principal, tuple(role for role in Role if names & self._members.get(role, frozenset())))

    def check(self, person: Person, action: AdminAction) -> None:
        """Pass what the policies allow.

        Raises:
            NotPermittedError: none allows it, one forbids it, or one cannot be evaluated.

        """
        asker = EntityUid(_TYPES[person.principal.type], person.principal.id)
        parents = [EntityUid("Admin::Role", role).as_json() for role in person.roles]
        answer = cedar.authorize(
            self._policies,
            cedar.entities([{"uid": asker.as_json(), "attrs": {}, "parents": parents}]),
            cedar.question(asker, EntityUid("Admin::Action", action), _SYSTEM),
            context={"delegated": person.principal.delegation is not None},
        )
        # INVARIANT: a policy that failed might have forbidden.
        if answer.verdict is not Verdict.ALLOW or answer.errors or answer.unplaced:
            raise NotPermittedError(f"none of the roles here permits `{action}`")

    def permitted(self, person: Person) -> tuple[AdminAction, ...]:
        """All that `person` may do."""
        return tuple(action for action in AdminAction if self._permits(person, action))

    def _permits(self, person: Person, action: AdminAction) -> bool:
        try:
            self.check(person, action)
        except NotPermittedError:
            return False
        return True
