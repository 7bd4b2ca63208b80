"""A wire request read strictly where it says who asks; what policies may read of it is judged when one does."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pdp.core.contract.authzen import DIGEST, OFFERED, STEP_UP, EvaluationRequest, ResourceSearchRequest
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.attribute import TAKEN, AttributeValue, NotOfTypeError, cedar_form, normal
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.principal import Delegation, PrincipalType, SubjectProperties

_LONGEST_DIGEST: Final = 128
_MOST_OFFERED: Final = 100_000


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
    """Who asks, with all that the request says of it; `attributes` are those of the principal in Cedar's JSON form."""

    type: PrincipalType
    id: str
    properties: SubjectProperties
    context: RequestContext
    attributes: dict[str, Any] = {}


def read_access(request: EvaluationRequest | ResourceSearchRequest, *, mapping: IdentityMapping) -> AccessRequest:
    """The typed request behind `request`, whose subject has the attributes that `mapping` declares.

    Raises:
        Refused: `request_invalid`, with the member that is wrong; `bundle_stale`, when another mapping made the
            subject.

    """
    given = request.subject.properties
    try:
        context = msgspec.convert(request.context, RequestContext)
        known = {name: value for name, value in given.items() if name in TAKEN}
        properties = msgspec.convert(known, SubjectProperties)
        kind = PrincipalType(request.subject.type)
    except (msgspec.ValidationError, ValueError) as error:
        raise Refused(ReasonCode.REQUEST_INVALID, f"the request is not as it must be: {error}") from error
    if properties.mapping not in {None, mapping.digest}:
        raise Refused(ReasonCode.BUNDLE_STALE, "another claims mapping than the active one made the subject")
    if len(given) > len(known):
        attributes = _attributes(given, mapping)
        properties = msgspec.structs.replace(properties, attributes=attributes)
        forms = {name: cedar_form(value, mapping.attributes[name]) for name, value in attributes.items()}
        return AccessRequest(kind, request.subject.id, properties, context, forms)
    return AccessRequest(kind, request.subject.id, properties, context)


def _attributes(given: Mapping[str, Any], mapping: IdentityMapping) -> dict[str, AttributeValue]:
    """INVARIANT: one form of each value, so that equal ones are one to whatever holds decisions."""
    found = {}
    for name in given.keys() - TAKEN:
        kind = mapping.attributes.get(name)
        if kind is None:
            raise Refused(ReasonCode.REQUEST_INVALID, "the subject has a property that the claims mapping lacks")
        try:
            found[name] = normal(given[name], kind)
        except NotOfTypeError as error:
            raise Refused(ReasonCode.REQUEST_INVALID, f"the subject's `{name}` {error}") from error
    return found


def offered_digest(request: EvaluationRequest) -> str | None:
    """The digest of the definition that the tool's server offers now, None when the request does not say.

    Raises:
        Refused: `request_invalid`, when it is no digest.

    """
    properties = request.resource.properties
    return _digest(properties[DIGEST]) if DIGEST in properties else None


def offered_digests(request: ResourceSearchRequest) -> Mapping[str, str] | None:
    """The digests of definitions that are offered and not the approved ones, by tool, None when it does not say.

    Raises:
        Refused: `request_invalid`, when they are none, or too many.

    """
    properties = request.resource.properties
    if OFFERED not in properties:
        return None
    offered = properties[OFFERED]
    if not isinstance(offered, dict) or len(offered) > _MOST_OFFERED:
        raise Refused(ReasonCode.REQUEST_INVALID, f"`{OFFERED}` is no object of at most {_MOST_OFFERED} digests")
    return {tool_id: _digest(digest) for tool_id, digest in offered.items()}


def with_step_up(request: ResourceSearchRequest) -> bool:
    """Whether the search is also for what the subject could call with more scopes.

    Raises:
        Refused: `request_invalid`, when it says so in another way than by `true` or `false`.

    """
    wanted = request.resource.properties.get(STEP_UP, False)
    if not isinstance(wanted, bool):
        raise Refused(ReasonCode.REQUEST_INVALID, f"`{STEP_UP}` is neither true nor false")
    return wanted


def _digest(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_DIGEST or not (value.isascii() and value.isprintable()):
        raise Refused(ReasonCode.REQUEST_INVALID, "the digest of a definition is none")
    return value
