"""Reading one of a server's lists: all pages, only what is an entry, within bounds."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from enforcers.gateway.parameter_header import AnnotationError, parameter_headers
from enforcers.gateway.upstreams.upstream import UpstreamLimits
from pdp.core.catalog.definitions.definition import NAMING, Kind
from pdp.core.contract.checked_call import TOOLS_LIST
from pdp.core.contract.errors import UpstreamError
from pdp.core.contract.exact_json import JsonObject

Page = Callable[[JsonObject], Awaitable[JsonObject]]

_MAX_NAME: Final[Mapping[Kind, int]] = {Kind.TOOL: 512, Kind.PROMPT: 512, Kind.RESOURCE: 4096, Kind.TEMPLATE: 4096}

_MAX_TTL_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class ListMethod:
    """How the definitions of a kind are asked for: under which capability, by which method, in which member."""

    capability: str
    method: str
    member: str


LISTS: Final[Mapping[Kind, ListMethod]] = {
    Kind.TOOL: ListMethod("tools", TOOLS_LIST, "tools"),
    Kind.PROMPT: ListMethod("prompts", "prompts/list", "prompts"),
    Kind.RESOURCE: ListMethod("resources", "resources/list", "resources"),
    Kind.TEMPLATE: ListMethod("resources", "resources/templates/list", "resourceTemplates"),
}
"""MCP 2026-07-28, "Server Features": templates come under the capability of resources."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """An entry that is no definition; `name` is what it calls itself, None where that cannot be a name."""

    kind: Kind
    name: str | None
    cause: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The usable entries of one list as the server wrote them, and what was left out of it.

    `ttl` is for how many seconds the server says that it holds, the shortest of all pages; None: it does not say.
    """

    entries: Sequence[JsonObject] = ()
    unusable: Sequence[Unusable] = ()
    ttl: float | None = None


class _UnusableEntryError(ValueError):
    """An entry of a list is no definition that could be offered."""


async def read_list(kind: Kind, page: Page, *, limits: UpstreamLimits) -> Listing:
    """Every usable definition of `kind`; `page` answers the list's method for given params.

    Raises:
        UpstreamError: an answer is no page, the pages do not end, or there are too many entries.

    """
    entries: list[JsonObject] = []
    unusable: list[Unusable] = []
    params: JsonObject = {}
    cursors: set[str] = set()
    ttls: list[float] = []
    for _ in range(limits.max_pages):
        answer = await page(params)
        _sort(kind, answer, entries, unusable)
        ttls += _ttl(answer)
        if len(entries) + len(unusable) > limits.max_tools:
            raise UpstreamError(f"the server lists more than {limits.max_tools} {kind}s")
        cursor = answer.get("nextCursor")
        if cursor is None:
            return Listing(tuple(entries), tuple(unusable), min(ttls, default=None))
        if not isinstance(cursor, str) or cursor in cursors:
            raise UpstreamError(f"the server's {kind} list has a cursor that repeats or is no string")
        cursors.add(cursor)
        params = {"cursor": cursor}
    raise UpstreamError(f"the server's {kind} list has more than {limits.max_pages} pages")


def _ttl(answer: JsonObject) -> list[float]:
    """The `ttlMs` of a page (MCP 2026-07-28, "Caching") in seconds; 0 is what a server has that says nothing."""
    ttl = answer.get("ttlMs")
    return [ttl / 1000] if isinstance(ttl, int) and not isinstance(ttl, bool) and 0 < ttl < _MAX_TTL_MS else []


def _sort(kind: Kind, answer: JsonObject, entries: list[JsonObject], unusable: list[Unusable]) -> None:
    member = LISTS[kind].member
    listed = answer.get(member)
    if not isinstance(listed, list):
        raise UpstreamError(f"the server's {kind} list has no `{member}`")
    for entry in listed:
        try:
            entries.append(_checked(kind, entry))
        except _UnusableEntryError as error:
            name = entry.get(NAMING[kind]) if isinstance(entry, dict) else None
            unusable.append(Unusable(kind, name if _is_name(kind, name) else None, str(error)))


def _checked(kind: Kind, entry: Any) -> JsonObject:
    if not isinstance(entry, dict):
        raise _UnusableEntryError("it is no object")
    if not _is_name(kind, entry.get(NAMING[kind])):
        raise _UnusableEntryError(f"its {NAMING[kind]} is no string of 1 to {_MAX_NAME[kind]} characters")
    if kind is Kind.TOOL:
        _check_schema(entry.get("inputSchema"))
    return entry


def _is_name(kind: Kind, name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _MAX_NAME[kind]


def _check_schema(schema: Any) -> None:
    if not isinstance(schema, dict):
        raise _UnusableEntryError("its `inputSchema` is no object")
    try:
        parameter_headers(schema)
    except AnnotationError as error:
        raise _UnusableEntryError(str(error)) from error
