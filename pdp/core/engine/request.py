"""A wire request read strictly: what it lacks or mistypes makes it `request_invalid`."""

import ipaddress
from typing import Any

import msgspec

from pdp.core.contract.authzen import EvaluationRequest, ResourceSearchRequest
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.principal import Delegation, PrincipalType, SubjectProperties


class RequestContext(msgspec.Struct, frozen=True):
    """The members of `context` that policies can see; any other is ignored and reaches no policy."""

    arguments: dict[str, Any] = {}
    actor: str | None = None
    delegation: Delegation | None = None
    scopes: tuple[str, ...] = ()
    ip: str | None = None
    session: str | None = None
    enforcer: str | None = None
    transport: str | None = None


class AccessRequest(msgspec.Struct, frozen=True):
    """Who asks, with all that the request says of it."""

    type: PrincipalType
    id: str
    properties: SubjectProperties
    context: RequestContext


def read_access(request: EvaluationRequest | ResourceSearchRequest) -> AccessRequest:
    """The typed request behind `request`.

    Raises:
        Refused: `request_invalid`, with the member that is wrong.

    """
    try:
        context = msgspec.convert(request.context, RequestContext)
        properties = msgspec.convert(request.subject.properties, SubjectProperties)
        kind = PrincipalType(request.subject.type)
        if context.ip is not None:
            ipaddress.ip_address(context.ip)
    except (msgspec.ValidationError, ValueError) as error:
        raise Refused(ReasonCode.REQUEST_INVALID, f"the request is not as it must be: {error}") from error
    return AccessRequest(kind, request.subject.id, properties, context)
