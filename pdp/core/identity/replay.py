"""A decision made again: what was asked, and what was answered, from its record alone."""

from typing import Final

import msgspec

from pdp.core.contract.authzen import Action, EvaluationRequest
from pdp.core.contract.errors import ToolgateError
from pdp.core.contract.reason_code import BY_BUNDLE, ReasonCode
from pdp.core.contract.record import AUTHZEN, RECORD_VERSION, DecisionRecord
from pdp.core.contract.record_terms import NotReplayable, ObligationState
from pdp.core.identity.access import call_request
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties

_BROKEN: Final = frozenset({ObligationState.FAILED, ObligationState.UNKNOWN})


class NotReplayableError(ToolgateError):
    """A record does not have what its decision was made from; `reason` says why."""

    def __init__(self, reason: NotReplayable) -> None:
        self.reason = reason
        super().__init__(f"the decision cannot be made again from its record: {reason}")


def request_of(record: DecisionRecord) -> EvaluationRequest:
    """What the decision in `record` was asked for: evaluated at its `decided_at`, its bundle answers the same.

    Raises:
        NotReplayableError: the record does not have all of it.

    """
    if record.version < RECORD_VERSION:
        raise NotReplayableError(NotReplayable.OLD_RECORD)
    if record.not_replayable is not None:
        raise NotReplayableError(record.not_replayable)
    request = call_request(
        _principal(record),
        tool=f"{record.server}/{record.tool}",
        pin=_pin(record),
        arguments=record.arguments or {},
        seen=_seen(record),
    )
    return msgspec.structs.replace(request, action=Action(record.method or ""))


def answered(record: DecisionRecord) -> ReasonCode:
    """The reason code of the answer in `record`: what is allowed may be denied for what has to be done besides."""
    if record.reason_code not in BY_BUNDLE or not _BROKEN.isdisjoint(record.obligation_states.values()):
        return ReasonCode.ALLOWED
    return record.reason_code


def _principal(record: DecisionRecord) -> Principal:
    """INVARIANT: a record that has not even that is told from one that says it is replayable."""
    if record.principal is None or record.principal_type not in set(PrincipalType) or record.tool is None:
        raise NotReplayableError(NotReplayable.CALLER_UNKNOWN)
    return Principal(
        type=PrincipalType(record.principal_type),
        id=record.principal,
        properties=SubjectProperties(
            groups=tuple(record.groups),
            roles=tuple(record.roles),
            tenant=record.tenant,
            attributes=record.attributes,
            mapping=record.mapping,
        ),
        scopes=tuple(record.scopes),
        actor=record.actor,
        chain=tuple(record.delegation),
    )


def _pin(record: DecisionRecord) -> str | None:
    """The definition that the request named; an enforcer always names one, and the approved one is not said twice."""
    if record.transport == AUTHZEN:
        return record.offered_digest
    return record.offered_digest or record.schema_digest


def _seen(record: DecisionRecord) -> dict[str, str | None]:
    """What the host saw of the caller; an enforcer asks in the name under which it records."""
    if record.transport == AUTHZEN:
        return {"session": record.session}
    return {
        "transport": record.transport,
        "session": record.session,
        "ip": record.client_ip,
        "enforcer": record.writer,
    }
