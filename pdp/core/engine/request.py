"""A wire request read strictly where it says who asks; what policies may read of it is judged when one does."""

from typing import Any

import msgspec

from pdp.core.contract.authzen import EvaluationRequest, ResourceSearchRequest
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.principal import Delegation, PrincipalType, SubjectProperties


class RequestContext(msgspec.Struct, frozen=True):
    """The members of `context` that policies can see; any other is ignored and reaches no policy.

    Who acts and with which scopes is part of who asks. The rest may be anything: a value of the wrong
    type counts only for a policy that reads it.
    """

    arguments: Any = {}
    actor: str | None = None
    delegation: Delegation | None = None
    scopes: tuple[str, ...] = ()
    ip: Any = None
    session: Any = None
    enforcer: Any = None
    transport: Any = None


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
    except (msgspec.ValidationError, ValueError) as error:
        raise Refused(ReasonCode.REQUEST_INVALID, f"the request is not as it must be: {error}") from error
    return AccessRequest(kind, request.subject.id, properties, context)
