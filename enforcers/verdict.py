"""What the chain answers its host: never a bool, never an exception."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pdp.core.contract.exact_json import JsonObject
from pdp.core.contract.reason_code import ReasonCode


@dataclass(frozen=True, slots=True)
class Denied:
    """The request does not go on; `text` is one line for the caller, `record_id` the record's id.

    `scopes` are all that the operation needs, where some are missing; `nonce` is the one that the next
    proof must have (RFC 9449, section 9), None where there is nothing to say about it.
    """

    code: ReasonCode
    text: str
    record_id: str
    scopes: tuple[str, ...] = ()
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The upstream's result, as it is to be answered."""

    result: JsonObject
    record_id: str


@dataclass(frozen=True, slots=True)
class Listed:
    """The tools the principal may see: wire name and live definition."""

    tools: Sequence[tuple[str, Mapping[str, Any]]]
