"""Talking MCP to a server over a channel: which era it is of, its tools, calls.

The era is probed with `server/discover` (MCP 2026-07-28, "stdio" and "Streamable HTTP", Backward
Compatibility): whatever is no sign of a modern server leads to the `initialize` handshake.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.protocol import (
    DISCOVER,
    INITIALIZE,
    INITIALIZED,
    LEGACY_VERSIONS,
    LISTEN,
    META_CAPABILITIES,
    META_CLIENT,
    META_VERSION,
    MODERN_ERRORS,
    MODERN_VERSIONS,
    UNSUPPORTED_VERSION,
    Era,
)
from enforcers.gateway.upstreams.channel import Channel, Question, RejectedError
from enforcers.gateway.upstreams.listing import LISTS, Listing, read_list
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from enforcers.offer import ErrorResult
from pdp.core.catalog.definitions.definition import Kind
from pdp.core.contract.checked_call import TOOLS_CALL
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.message import METHOD_NOT_FOUND, ErrorAnswer, Notification, Request, Result
from pdp.core.contract.record_terms import UpstreamFailure

UPSTREAM_LEGACY_VERSIONS: Final = (*LEGACY_VERSIONS, "2024-11-05")
"""The oldest revision has the same `tools/list` and `tools/call`; many servers stayed with it."""


class Conversation:
    """One dialogue with a server, from the probe on; `client` is how we introduce ourselves."""

    def __init__(
        self, channel: Channel, *, limits: UpstreamLimits, client: Mapping[str, str], log: FilteringBoundLogger
    ) -> None:
        self._channel = channel
        self._limits = limits
        self._client = dict(client)
        self._log = log
        self._ids = itertools.count(1)
        self._meta: dict[str, Any] | None = None
        self._capabilities: Mapping[str, Any] = {}
        self.version: str | None = None
        self.ttl: float | None = None
        """For how many seconds the server said that its tools hold, None where it did not say."""

    @property
    def era(self) -> Era:
        """The era that was agreed on."""
        return Era.LEGACY if self._meta is None else Era.MODERN

    async def open(self) -> None:
        """Agree on a revision.

        Raises:
            UpstreamError: there is none that both speak, or the server answers neither way.

        """
        # A modern server that is slow to start misses the first probe and then refuses `initialize`.
        if not (await self._probe() or await self._initialize() or await self._probe()):
            raise UpstreamError("the server refuses both `server/discover` and `initialize`")
        self._log.info("upstream_opened", version=self.version, era=self.era.value)

    async def tools(self) -> Sequence[JsonObject]:
        """Every usable tool the server lists; others are logged and left out.

        Raises:
            UpstreamError: it does not list them properly.

        """
        listing = await self.list_of(Kind.TOOL)
        for entry in listing.unusable:
            self._log.warning("tool_unusable", tool=entry.name, cause=entry.cause)
        self.ttl = listing.ttl
        return listing.entries

    async def list_of(self, kind: Kind) -> Listing:
        """What the server lists of `kind`; nothing where it announces none, but for tools, which are asked for.

        Raises:
            UpstreamError: it does not list them properly.

        """
        announced = LISTS[kind].capability in self._capabilities
        # Servers announce resources and know no templates, or have tools and announce nothing.
        may_be_unknown = kind is not Kind.TOOL or not announced

        async def page(params: JsonObject) -> JsonObject:
            method = LISTS[kind].method
            match await self._ask(method, params, within=self._limits.call_timeout):
                case Result(result=result):
                    return result
                case ErrorAnswer(code=code) if code == METHOD_NOT_FOUND and may_be_unknown:
                    return {LISTS[kind].member: []}
                case ErrorAnswer(code=code):
                    raise UpstreamError(f"the server answers `{method}` with error {code}", error=code)

        if not announced and kind is not Kind.TOOL:
            return Listing()
        return await read_list(kind, page, limits=self._limits)

    async def call(self, tool: str, *, arguments: JsonObject, headers: Mapping[str, str]) -> JsonObject:
        """The result of one call, complete or asking for input; an error of the tool's own is a result too.

        Raises:
            UpstreamError: there is none, or it is no tool result.

        """
        params = {"name": tool, "arguments": arguments}
        match await self._ask(TOOLS_CALL, params, within=self._limits.call_timeout, headers=headers):
            case Result(deep=True):
                raise UpstreamError(f"the result nests deeper than {self._limits.message.max_depth} levels")
            case Result(result=result):
                return checked_result(result)
            case ErrorAnswer(code=code) if code in MODERN_ERRORS:
                raise UpstreamError(f"the server refuses how `{TOOLS_CALL}` was sent with error {code}", error=code)
            case ErrorAnswer(code=code, message=text):
                return ErrorResult(code, text)

    async def listen(self) -> None:
        """Wait, on a modern server that announces changes, until it stops telling of them."""
        tools = self._capabilities.get("tools")
        if self.era is Era.MODERN and isinstance(tools, dict) and tools.get("listChanged") is True:
            request = self._request(LISTEN, {"notifications": {"toolsListChanged": True}})
            await self._channel.ask(Question(request, self.version))

    async def _probe(self) -> bool:
        """Whether the server is modern and speaks a revision that we do."""
        version = MODERN_VERSIONS[0]
        meta = {META_VERSION: version, META_CLIENT: self._client, META_CAPABILITIES: {}}
        probe = Question(Request(next(self._ids), DISCOVER, {"_meta": meta}), version)
        try:
            async with asyncio.timeout(self._limits.probe_timeout):
                answer = await self._channel.ask(probe)
        except (TimeoutError, RejectedError):
            return False
        if isinstance(answer, ErrorAnswer):
            _check_may_be_legacy(answer)
            return False
        supported = answer.result.get("supportedVersions")
        if not isinstance(supported, list) or version not in supported:
            return False
        self._meta, self.version = meta, version
        self._capabilities = _capabilities(answer.result)
        return True

    async def _initialize(self) -> bool:
        """Whether the handshake succeeded."""
        params = {"protocolVersion": LEGACY_VERSIONS[0], "capabilities": {}, "clientInfo": self._client}
        answer = await self._ask(INITIALIZE, params, within=self._limits.start_timeout)
        if isinstance(answer, ErrorAnswer):
            return False
        version = answer.result.get("protocolVersion")
        if version not in UPSTREAM_LEGACY_VERSIONS:
            raise UpstreamError("the server speaks no protocol version that is spoken here")
        self.version = str(version)
        self._capabilities = _capabilities(answer.result)
        await self._channel.tell(Notification(INITIALIZED), version=self.version)
        return True

    async def _ask(
        self, method: str, params: JsonObject, *, within: float, headers: Mapping[str, str] | None = None
    ) -> Result | ErrorAnswer:
        version = None if method == INITIALIZE else self.version
        try:
            async with asyncio.timeout(within):
                return await self._channel.ask(Question(self._request(method, params), version, headers or {}))
        except TimeoutError as error:
            raise UpstreamError(
                f"the server does not answer `{method}` within {within:g} seconds", failure=UpstreamFailure.TIMEOUT
            ) from error

    def _request(self, method: str, params: JsonObject) -> Request:
        meta = {} if self._meta is None else {"_meta": self._meta}
        return Request(next(self._ids), method, {**params, **meta})


def checked_result(result: JsonObject) -> JsonObject:
    """`result` when it has the shape of a tool result (one that is not complete is the chain's to judge).

    Raises:
        UpstreamError: it has not.

    """
    if not isinstance(result.get("_meta", {}), dict):
        raise UpstreamError("the result's `_meta` is no object")
    if result.get("resultType", "complete") != "complete":
        return result
    content = result.get("content")
    if not isinstance(content, list) or not all(isinstance(item, dict) and "type" in item for item in content):
        raise UpstreamError("the result has no `content` that is a list of objects with a type")
    if not isinstance(result.get("isError", False), bool):
        raise UpstreamError("the result's `isError` is neither true nor false")
    return result


def _check_may_be_legacy(answer: ErrorAnswer) -> None:
    """Return when a legacy server could have answered a probe so.

    Raises:
        UpstreamError: the server is modern, and there is nothing to fall back to.

    """
    if answer.code not in MODERN_ERRORS:
        return
    supported = answer.data.get("supported") if isinstance(answer.data, dict) else None
    spoken = supported if answer.code == UNSUPPORTED_VERSION and isinstance(supported, list) else []
    if not any(version in UPSTREAM_LEGACY_VERSIONS for version in spoken):
        raise UpstreamError(f"the server is modern and answers `{DISCOVER}` with error {answer.code}")


def _capabilities(result: JsonObject) -> Mapping[str, Any]:
    announced = result.get("capabilities")
    return announced if isinstance(announced, dict) else {}
