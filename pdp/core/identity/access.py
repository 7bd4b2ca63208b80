"""What an enforcer asks for a principal: the one composition of AuthZEN requests."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pdp.core.contract.authzen import (
    DIGEST,
    OFFERED,
    STEP_UP,
    TOOL_TYPE,
    Action,
    EvaluationRequest,
    Resource,
    ResourceKind,
    ResourceSearchRequest,
)
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.exact_json import JsonObject
from pdp.core.identity.principal import Principal

_AS_APPROVED: Final[Mapping[str, str]] = MappingProxyType({})


class Shown(StrEnum):
    """Which tools a list has."""

    GRANTED = "granted"
    """Those that the scopes of the token allow."""
    REACHABLE = "reachable"
    """Those that more scopes would allow, too: who calls one is told which to ask for."""


def call_request(
    principal: Principal, *, tool: str, pin: str | None, arguments: JsonObject, seen: Mapping[str, str | None]
) -> EvaluationRequest:
    """May `principal` call `tool` (`server/tool`) with `arguments`, which were checked?

    `pin` is the digest of the definition that the tool's server offers now, None where nobody looked.
    `seen` is what the host saw of the caller, by names of the context; None is absence.
    """
    return EvaluationRequest(
        subject=principal.subject(),
        action=Action(TOOLS_CALL),
        resource=Resource(TOOL_TYPE, tool, {} if pin is None else {DIGEST: pin}),
        context={"arguments": arguments, **principal.context(), **_present(seen)},
    )


def list_request(
    principal: Principal,
    *,
    seen: Mapping[str, str | None],
    offered: Mapping[str, str] = _AS_APPROVED,
    shown: Shown = Shown.GRANTED,
) -> ResourceSearchRequest:
    """Which tools may `principal` see?

    `offered` has the digests of the definitions that servers offer now, by `server/tool`, where they are
    not the approved ones; `seen` is as for `call_request`.
    """
    properties: dict[str, Any] = {OFFERED: dict(offered)}
    if shown is Shown.REACHABLE:
        properties[STEP_UP] = True
    return ResourceSearchRequest(
        subject=principal.subject(),
        action=Action(TOOLS_CALL),
        resource=ResourceKind(TOOL_TYPE, properties),
        context={**principal.context(), **_present(seen)},
    )


def _present(seen: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in seen.items() if value is not None}
