"""What is known of one request while it goes through the chain, and what its record says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from enforcers.obligations import Obligations
from pdp.core.catalog.recorded import Recorded, recorded
from pdp.core.catalog.tool import Tool
from pdp.core.contract.authzen import EvaluationResponse
from pdp.core.contract.reason_code import BY_BUNDLE, ReasonCode
from pdp.core.contract.record_terms import DecisionOrigin, NotReplayable, Recording, strictest
from pdp.core.identity.principal import Principal

KEY_BYTES: Final = 32
"""Of the key that hashes arguments."""

_REVOKED: Final = frozenset({ReasonCode.REVOKED, ReasonCode.REVOCATIONS_UNKNOWN})


@dataclass(frozen=True, slots=True)
class ArgumentRecording:
    """What an enforcer's records have of arguments at the most; `key` hashes those that are hashed."""

    key: bytes
    at_least: Recording = Recording.KEEP


@dataclass(slots=True)
class Account:
    """What is known of one request; `arguments` go with the `tool_called`, and were checked.

    `decision_us` are the microseconds that the answer took.
    """

    transport: str
    started: float
    method: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    session: str | None = None
    client_ip: str | None = None
    issuer: str | None = None
    principal: Principal | None = None
    server: str | None = None
    tool: str | None = None
    tool_called: Tool | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    response: EvaluationResponse | None = None
    origin: DecisionOrigin = DecisionOrigin.NONE
    decision_us: int | None = None
    obligations: Obligations | None = None
    shown: list[str] | None = None
    approved: str | None = None
    pin: str | None = None
    detail: str | None = None


def members_of(account: Account, *, arguments: ArgumentRecording) -> dict[str, Any]:
    """The members of a decision record that say what `account` knows."""
    had = _arguments(account, arguments)
    return {
        "origin": account.origin,
        "transport": account.transport,
        "method": account.method,
        "server": account.server,
        "tool": account.tool,
        "session": account.session,
        "request_id": account.request_id,
        "trace_id": account.trace_id,
        "client_ip": account.client_ip,
        "issuer": account.issuer,
        "arguments": had.arguments,
        "arguments_digest": had.digest,
        "withheld": had.withheld,
        "shown": account.shown,
        "detail": account.detail,
        "decision_us": account.decision_us,
        "obligation_states": {} if account.obligations is None else account.obligations.states,
        "not_replayable": _not_replayable(account) or had.not_replayable,
        **members_of_principal(account.principal),
        **_definitions(account),
        **({} if account.response is None else members_of_answer(account.response)),
    }


def members_of_principal(principal: Principal | None) -> dict[str, Any]:
    """The members of a decision record that say who asked."""
    if principal is None:
        return {}
    properties = principal.properties
    return {
        "principal_type": principal.type.value,
        "principal": principal.id,
        "groups": list(properties.groups),
        "roles": list(properties.roles),
        "tenant": properties.tenant,
        "attributes": properties.attributes,
        "mapping": properties.mapping,
        "actor": principal.actor,
        "delegation": list(principal.chain),
        "scopes": list(principal.scopes),
    }


def members_of_answer(response: EvaluationResponse) -> dict[str, Any]:
    """The members of a decision record that say what was answered."""
    answer = response.context.toolgate
    lists: dict[str, Sequence[str]] = {
        "policies": answer.policies,
        "errors": answer.errors,
        "obligations": answer.obligations,
    }
    return {
        "decision_id": answer.decision_id,
        "decided_at": answer.decided_at,
        "generation": answer.generation,
        "bundle": answer.bundle,
        **lists,
    }


def _definitions(account: Account) -> dict[str, str | None]:
    """The approved definition of the tool, and the one offered where it is another."""
    said = None if account.response is None else account.response.context.toolgate.schema_digest
    approved = said or account.approved
    return {"schema_digest": approved, "offered_digest": None if account.pin == approved else account.pin}


def _arguments(account: Account, arguments: ArgumentRecording) -> Recorded:
    if account.tool_called is None:
        return Recorded(None)
    said = None if account.response is None else account.response.context.toolgate.record
    at_least = strictest(arguments.at_least, said)
    return recorded(account.tool_called, account.arguments, at_least=at_least, key=arguments.key)


def _not_replayable(account: Account) -> NotReplayable | None:
    """What else than its arguments keeps a decision from being made again."""
    if account.response is None:
        return NotReplayable.NOT_DECIDED if account.shown is None else NotReplayable.LIST
    answer = account.response.context.toolgate
    if answer.reason_code in _REVOKED:
        return NotReplayable.REVOKED
    is_allow = answer.reason_code is ReasonCode.ALLOWED
    if answer.reason_code not in BY_BUNDLE or account.response.decision is not is_allow:
        return NotReplayable.NOT_DECIDED
    return NotReplayable.TIME_UNKNOWN if answer.decided_at is None else None
