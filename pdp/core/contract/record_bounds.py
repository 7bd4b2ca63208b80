"""Records within bounds: whatever a caller, a server or a token says, one has at most `MAX_RECORD_BYTES`.

A text is cut, with `...` at its end. Of a list the items at its end are left out, of attributes all; `left_out` says
how many, and has the digest of the whole, so that it can be told whether another one is the same.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec
import msgspec.structs

from pdp.core.contract.digest import digest
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record import DecisionRecord, DriftRecord, LeftOut, OutcomeRecord
from pdp.core.contract.record_terms import NotReplayable

MAX_TEXT: Final = 1024
"""Characters of one text."""
MAX_LIST_BYTES: Final = 48 * 1024
"""Of one list, and of the attributes, in canonical JSON."""

_FEW: Final = 1000
"""Lists of more items are measured item by item."""
_CUT: Final = "..."
_LISTS: Final = ("groups", "roles", "delegation", "scopes", "policies", "errors", "obligations", "shown")
_ASKED: Final = frozenset(
    {
        "transport", "method", "server", "tool", "schema_digest", "offered_digest", "principal_type", "principal",
        "groups", "roles", "tenant", "attributes", "mapping", "actor", "delegation", "scopes", "session", "client_ip",
    }
)  # fmt: skip
"""The members that a request is made from again."""

Bounded = TypeVar("Bounded", OutcomeRecord, DriftRecord)


def cut(text: str, *, most: int = MAX_TEXT) -> str:
    """`text`, or its beginning and `...`: at most `most` characters."""
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def decision_within_bounds(record: DecisionRecord) -> DecisionRecord:
    """`record` with nothing in it that is too large, but for `arguments`, which are bounded where they are made."""
    changed: dict[str, Any] = dict(_cut_texts(record))
    left_out = {}
    for name, value, left in _shortened(record):
        changed[name] = value
        left_out[name] = left
    if not changed:
        return record
    states = record.obligation_states
    if "obligations" in left_out:
        states = {obligation: states[obligation] for obligation in changed["obligations"] if obligation in states}
    reason = record.not_replayable
    if reason is None and not _ASKED.isdisjoint(changed):
        reason = NotReplayable.REQUEST_TOO_LARGE
    return msgspec.structs.replace(
        record, **changed, left_out=left_out, obligation_states=states, not_replayable=reason
    )


def within_bounds(record: Bounded) -> Bounded:
    """`record` with every text in it cut that is too long."""
    changed = dict(_cut_texts(record))
    return msgspec.structs.replace(record, **changed) if changed else record


def _texts_of(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[str | None, ...]]]:
    """The members of `kind` that are texts from outside, and how to get them."""
    fields = msgspec.structs.fields(kind)
    names = tuple(field.name for field in fields if field.type in {str, str | None})
    return names, attrgetter(*names)


_TEXTS: Final = {kind: _texts_of(kind) for kind in (DecisionRecord, OutcomeRecord, DriftRecord)}


def _cut_texts(record: DecisionRecord | OutcomeRecord | DriftRecord) -> Iterator[tuple[str, str]]:
    names, values = _TEXTS[type(record)]
    for name, value in zip(names, values(record), strict=True):
        if value is not None and len(value) > MAX_TEXT:
            yield name, cut(value)


def _shortened(record: DecisionRecord) -> Iterator[tuple[str, Any, LeftOut]]:
    for name in _LISTS:
        items: list[str] | None = getattr(record, name)
        if items and not _is_small(items):
            kept = _beginning(items)
            if len(kept) < len(items):
                yield name, kept, LeftOut(len(items) - len(kept), digest(items))
    if record.attributes and len(canonical(record.attributes)) > MAX_LIST_BYTES:
        yield "attributes", {}, LeftOut(len(record.attributes), digest(record.attributes))


def _is_small(items: Sequence[str]) -> bool:
    """Whether `items` are within bounds for sure: a character has at most 6 bytes in JSON."""
    return len(items) <= _FEW and sum(map(len, items)) * 6 + 3 * len(items) < MAX_LIST_BYTES


def _beginning(items: Sequence[str]) -> list[str]:
    left = MAX_LIST_BYTES - 1
    for number, item in enumerate(items):
        left -= len(canonical(item)) + 1
        if left < 0:
            return list(items[:number])
    return list(items)
