"""Reading `tools/list`: all pages, only what is a tool, within bounds."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from enforcers.gateway.parameter_header import AnnotationError, parameter_headers
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.exact_json import JsonObject

_MAX_NAME: Final = 512


class _UnusableToolError(ValueError):
    """An entry of the list is no tool that could be offered."""


async def read_tools(
    page: Callable[[JsonObject], Awaitable[JsonObject]], *, limits: UpstreamLimits, log: FilteringBoundLogger
) -> list[JsonObject]:
    """Every usable tool; `page` answers `tools/list` for given params. Unusable ones are logged and left out.

    Raises:
        UpstreamError: an answer is no page, the pages do not end, or there are too many tools.

    """
    tools: list[JsonObject] = []
    params: JsonObject = {}
    cursors: set[str] = set()
    for _ in range(limits.max_pages):
        answer = await page(params)
        tools += _usable(answer, log)
        if len(tools) > limits.max_tools:
            raise UpstreamError(f"the server lists more than {limits.max_tools} tools")
        cursor = answer.get("nextCursor")
        if cursor is None:
            return tools
        if not isinstance(cursor, str) or cursor in cursors:
            raise UpstreamError("the server's tool list has a cursor that repeats or is no string")
        cursors.add(cursor)
        params = {"cursor": cursor}
    raise UpstreamError(f"the server's tool list has more than {limits.max_pages} pages")


def _usable(answer: JsonObject, log: FilteringBoundLogger) -> list[JsonObject]:
    entries = answer.get("tools")
    if not isinstance(entries, list):
        raise UpstreamError("the server's tool list has no `tools`")
    usable = []
    for entry in entries:
        try:
            usable.append(_tool(entry))
        except _UnusableToolError as error:
            name = entry.get("name") if isinstance(entry, dict) else None
            log.warning("tool_unusable", tool=name[:_MAX_NAME] if isinstance(name, str) else None, cause=str(error))
    return usable


def _tool(entry: Any) -> JsonObject:
    if not isinstance(entry, dict):
        raise _UnusableToolError("it is no object")
    name, schema = entry.get("name"), entry.get("inputSchema")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
        raise _UnusableToolError(f"its name is no string of 1 to {_MAX_NAME} characters")
    if not isinstance(schema, dict):
        raise _UnusableToolError("its `inputSchema` is no object")
    try:
        parameter_headers(schema)
    except AnnotationError as error:
        raise _UnusableToolError(str(error)) from error
    return entry
