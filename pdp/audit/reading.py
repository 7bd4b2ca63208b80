"""Rows of the table `records` back to records: in pages, checked, and only those that a question means exactly."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, text

from pdp.audit.store import StoreUnavailableError
from pdp.audit.tables import OFTEN, RARE, SHORT, milliseconds, records, short, without_alias
from pdp.core.contract.record import Record
from pdp.core.contract.sealed import Sealed, unseal

Kind = TypeVar("Kind", bound=Record)

Order: TypeAlias = tuple[ColumnElement[Any], ...]

_PAGE: Final = 200
"""Rows held at once: each may have as much as a megabyte."""


@dataclass(frozen=True, slots=True)
class Found:
    """One record and its position."""

    position: int
    sealed: Sealed


def read_row(row: Any) -> Found:
    """The record in `row` (position, digest, content).

    Raises:
        StoreUnavailableError: it is not what was stored.

    """
    content = bytes(row.content)
    try:
        sealed = unseal(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise altered(row.position) from error
    if sha256(content).digest() != bytes(row.digest):
        raise altered(row.position)
    return Found(row.position, sealed)


def altered(position: int) -> StoreUnavailableError:
    """That the record at `position` is not what was stored."""
    what = f"the record at position {position} is not what was stored: it was altered"
    return StoreUnavailableError(f"{what}; `toolgate log verify` says what else was")


def rows_of(*conditions: ColumnElement[bool]) -> Select[Any]:
    """The rows that `conditions` hold for, to be read by `newest`, `oldest` or `every`."""
    return select(records.c.position, records.c.arrived).where(*conditions)


def of_kind(kind: str) -> ColumnElement[bool]:
    """That a row is of that kind, said so that the index of kinds that are rare is used for one."""
    is_kind = records.c.kind == kind
    return is_kind if kind in OFTEN else and_(is_kind, text(RARE))


def newest(
    connection: Connection, chosen: Select[Any], limit: int, *, is_meant: Callable[[Record], bool], by_time: bool
) -> list[Found]:
    """The newest `limit` of the `chosen` that are meant, oldest first: by their writers' clocks, or by arrival."""
    columns = records.c
    order: Order = (columns.time.desc(), columns.position.desc()) if by_time else (columns.position.desc(),)

    def before(row: Any) -> ColumnElement[bool]:
        earlier: ColumnElement[bool] = columns.position < row.position
        if not by_time:
            return earlier
        return or_(columns.time < row.time, and_(columns.time == row.time, earlier))

    found = _taken(connection, chosen, order, before, limit, is_meant)
    found.reverse()
    return found


def oldest(
    connection: Connection, chosen: Select[Any], limit: int, *, is_meant: Callable[[Record], bool]
) -> list[Found]:
    """The first `limit` of the `chosen` that are meant, by arrival."""
    columns = records.c
    return _taken(connection, chosen, (columns.position,), lambda row: columns.position > row.position, limit, is_meant)


def every(connection: Connection, chosen: Select[Any], *, is_meant: Callable[[Record], bool]) -> Iterator[Found]:
    """All of the `chosen` that are meant, by arrival, read as they are taken."""
    columns = records.c
    return _pages(connection, chosen, (columns.position,), lambda row: columns.position > row.position, _PAGE, is_meant)


def _taken(
    connection: Connection,
    chosen: Select[Any],
    order: Order,
    beyond: Callable[[Any], ColumnElement[bool]],
    limit: int,
    is_meant: Callable[[Record], bool],
) -> list[Found]:
    found = []
    for one in _pages(connection, chosen, order, beyond, limit, is_meant):
        found.append(one)
        if len(found) == limit:
            break
    return found


def _pages(
    connection: Connection,
    chosen: Select[Any],
    order: Order,
    beyond: Callable[[Any], ColumnElement[bool]],
    limit: int,
    is_meant: Callable[[Record], bool],
) -> Iterator[Found]:
    page, asked = min(limit, _PAGE), chosen
    while True:
        rows = connection.execute(_contents(asked.limit(page), order)).all()
        for row in rows:
            one = read_row(row)
            if is_meant(one.sealed.record):
                yield one
        if len(rows) < page:
            return
        asked, page = chosen.where(beyond(rows[-1])), _PAGE


def _contents(chosen: Select[Any], order: Order) -> Select[Any]:
    """What `chosen` positions hold: sorting them first without it costs a fraction."""
    columns, picked = records.c, chosen.order_by(*order).subquery("picked").c
    # `arrived` says which partition it is in.
    is_picked = and_(columns.position == picked.position, columns.arrived == picked.arrived)
    held = select(columns.position, columns.digest, columns.content, columns.time)
    return held.join_from(picked.position.table, records, is_picked).order_by(*order)


# What a column says is a part of what is meant, as it is cut and has no NUL: each of these conditions holds
# for all that is meant, and `is_meant` decides.


def may_be(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """That `column` may stand for `wanted`."""
    return column == short(wanted)


def may_be_tool(tool: str) -> ColumnElement[bool]:
    """That a row may be about `tool`: a name, or `server/name`."""
    columns = records.c
    server, slash, name = tool.partition("/")
    exact = may_be(columns.tool, tool)
    return or_(exact, and_(may_be(columns.server, server), may_be(columns.tool, name))) if slash else exact


def may_be_principal(name: str) -> ColumnElement[bool]:
    """That a row may be of the principal `name`, with the issuer's alias or without."""
    return records.c.principal_name.in_({short(name), short(without_alias(name))})


def may_be_actor(name: str) -> ColumnElement[bool]:
    """That a row may be of the actor `name`, with the issuer's alias or without."""
    column = records.c.actor
    ends = column.endswith("|" + (short(name) or ""), autoescape=True)
    return or_(may_be(column, name), ends, func.length(column) >= SHORT)


def is_named(wanted: str | None, name: str | None) -> bool:
    """Whether `name` is `wanted`, or is so without its issuer's alias."""
    return wanted is None or (name is not None and wanted in {name, without_alias(name)})


def is_tool(wanted: str | None, *, server: str | None, tool: str | None) -> bool:
    """Whether `tool` of `server` is `wanted`: a name, or `server/name`."""
    if wanted is None:
        return True
    at, slash, name = wanted.partition("/")
    return tool == wanted or bool(slash and (server, tool) == (at, name))


def is_within(time: str, *, since: str | None, until: str | None) -> bool:
    """Whether `time` is from `since` on and before `until`."""
    at = milliseconds(time)
    return (since is None or at >= milliseconds(since)) and (until is None or at < milliseconds(until))


def may_be_within(since: str | None, until: str | None) -> Sequence[ColumnElement[bool]]:
    """That a row is from `since` on and before `until`."""
    column = records.c.time
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(column >= milliseconds(since))
    if until is not None:
        conditions.append(column < milliseconds(until))
    return conditions
