"""One dispatch for both transports: a request, whatever its era, becomes an answer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from enforcers.caller import Caller, Identified
from enforcers.gateway.answer import INVALID_PARAMETERS, Answer, WireError, Wording
from enforcers.gateway.protocol import (
    DISCOVER,
    INITIALIZE,
    LEGACY_VERSIONS,
    PING,
    SUPPORTED_VERSIONS,
    Era,
    RevisionError,
)
from enforcers.verdict import Allowed, Denied, Listed
from pdp.core.contract.checked_call import TOOLS_CALL, TOOLS_LIST
from pdp.core.contract.errors import Refused
from pdp.core.contract.message import INVALID_PARAMS, Notification, Request
from pdp.core.contract.method import METHODS, Gate
from pdp.core.contract.reason_code import ReasonCode

_CACHING: Final = {"ttlMs": 0, "cacheScope": "private"}

SILENT: Final[Mapping[str, Any]] = {"tools": {}}
ANNOUNCING: Final[Mapping[str, Any]] = {"tools": {"listChanged": True}}
"""What we can, as a server: whether clients are told that there are other tools."""

_Open: TypeAlias = Callable[[Request, Era], Awaitable[Answer]]
_Gated: TypeAlias = Callable[[Request, Era, Identified], Awaitable[Answer]]


class Rules(Protocol):
    """Every rule about who may do what; `enforcers.chain.Chain` is this."""

    async def identify(self, caller: Caller, *, message: Request | Notification | None) -> Identified | Denied:
        """Who calls, or why that is not known."""
        ...

    async def call(self, request: Request, *, who: Identified) -> Allowed | Denied:
        """The outcome of a `tools/call`."""
        ...

    async def list_tools(self, request: Request, *, who: Identified) -> Listed | Denied:
        """The tools that `who` may see."""
        ...

    async def refuse(
        self,
        error: Refused,
        *,
        caller: Caller,
        who: Identified | None = None,
        message: Request | Notification | None = None,
    ) -> Denied:
        """The recorded denial of a request that was refused before it got here."""
        ...


class Service:
    """Answers requests under `rules`; never raises, whatever happens becomes a denial.

    `legacy` is what clients of the legacy era are told that we can.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        wording: Wording,
        log: FilteringBoundLogger,
        legacy: Mapping[str, Any] = SILENT,
    ) -> None:
        self._rules = rules
        self._wording = wording
        self._log = log
        self._legacy = legacy
        self._open: Mapping[Era, Mapping[str, _Open]] = {
            Era.MODERN: {DISCOVER: self._discover},
            Era.LEGACY: {INITIALIZE: self._initialize, PING: self._ping},
        }
        self._gated: Mapping[str, _Gated] = {TOOLS_LIST: self._list, TOOLS_CALL: self._call}

    def methods(self) -> frozenset[str]:
        """Every method that is answered in some era."""
        return frozenset(self._gated).union(*self._open.values())

    async def identify(
        self, caller: Caller, *, message: Request | Notification | None, era: Era
    ) -> Identified | Answer:
        """Who calls, or the answer that says why the request does not go on."""
        outcome = await self._rules.identify(caller, message=message)
        if isinstance(outcome, Identified):
            return outcome
        return self._wording.denied(outcome, message=message, era=era, transport=caller.transport)

    async def answer(self, request: Request, *, era: Era, caller: Caller, who: Identified | None = None) -> Answer:
        """The answer to `request`; `who` is None where the transport leaves it to the method."""
        try:
            return await self._dispatch(request, era, caller, who)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever failed is a deny
            return await self.refuse(error, caller=caller, who=who, message=request, era=era)

    async def refuse(
        self,
        error: Exception,
        *,
        caller: Caller,
        era: Era,
        who: Identified | None = None,
        message: Request | Notification | None = None,
        wire: WireError | None = None,
    ) -> Answer:
        """The answer to a request that the host itself refuses or fails at, recorded first."""
        refusal = error if isinstance(error, Refused) else self._failure(error)
        denied = await self._rules.refuse(refusal, caller=caller, who=who, message=message)
        if isinstance(error, RevisionError):
            wire = WireError(error.rpc_code, error.data, error.request_id)
        return self._wording.denied(denied, message=message, era=era, transport=caller.transport, error=wire)

    def _failure(self, error: Exception) -> Refused:
        self._log.error("request_failed", exc_info=error)
        return Refused(ReasonCode.INTERNAL_ERROR, type(error).__name__)

    async def _dispatch(self, request: Request, era: Era, caller: Caller, who: Identified | None) -> Answer:
        gate = METHODS.get(request.method)
        handler, gated = self._open[era].get(request.method), self._gated.get(request.method)
        if gate is Gate.OPEN and handler is not None:
            return await handler(request, era)
        if gate in {Gate.LISTED, Gate.DECIDED} and gated is not None:
            outcome = who or await self.identify(caller, message=request, era=era)
            return outcome if isinstance(outcome, Answer) else await gated(request, era, outcome)
        raise Refused(ReasonCode.METHOD_UNKNOWN, f"`{request.method[:64]}` is no method of this era")

    async def _discover(self, request: Request, era: Era) -> Answer:
        result = {"supportedVersions": list(SUPPORTED_VERSIONS), "capabilities": SILENT, **_CACHING}
        return self._wording.completed(request, result=result, era=era)

    async def _initialize(self, request: Request, era: Era) -> Answer:
        asked = request.params.get("protocolVersion")
        if not isinstance(asked, str):
            raise RevisionError("`params.protocolVersion` must be a string", rpc_code=INVALID_PARAMS)
        version = asked if asked in LEGACY_VERSIONS else LEGACY_VERSIONS[0]
        result = {"protocolVersion": version, "capabilities": self._legacy, "serverInfo": dict(self._wording.server)}
        return self._wording.completed(request, result=result, era=era)

    async def _ping(self, request: Request, era: Era) -> Answer:
        return self._wording.completed(request, result={}, era=era)

    async def _list(self, request: Request, era: Era, who: Identified) -> Answer:
        outcome = await self._rules.list_tools(request, who=who)
        if isinstance(outcome, Denied):
            return self._deny(outcome, request, era, who)
        tools = [{**definition, "name": name} for name, definition in outcome.tools]
        caching = _CACHING if era is Era.MODERN else {}
        return self._wording.completed(request, result={"tools": tools, **caching}, era=era)

    async def _call(self, request: Request, era: Era, who: Identified) -> Answer:
        outcome = await self._rules.call(request, who=who)
        if isinstance(outcome, Denied):
            return self._deny(outcome, request, era, who)
        return self._wording.completed(request, result=outcome.result, era=era)

    def _deny(self, denied: Denied, request: Request, era: Era, who: Identified) -> Answer:
        malformed = denied.code is ReasonCode.MESSAGE_MALFORMED
        return self._wording.denied(
            denied,
            message=request,
            era=era,
            transport=who.caller.transport,
            error=INVALID_PARAMETERS if malformed else None,
        )
