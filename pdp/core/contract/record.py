"""The record: one `decision` before a request goes on, one `outcome` after; a `drift` when a tool is not as it was;
a `comparison` of what a canary would have decided; a `reading` when somebody asked the log.

A record is unique by (writer, boot, sequence): the writer is who recorded, the boot one run of it, the
sequence counts from 1 without a gap. `previous` is the digest of the record before it in the same chain, which goes
on over the boots of one spool; None begins a chain. `version` is 1 where nothing says it.
"""

from typing import Any, Final, TypeAlias

import msgspec

from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import (
    DecisionOrigin,
    DriftState,
    Effect,
    Fate,
    NotReplayable,
    ObligationState,
    UpstreamFailure,
    Withheld,
)

RECORD_VERSION: Final = 2
UNNUMBERED: Final = ""
"""The boot of a record before the spool gives it a place; its sequence is 0 then."""
AUTHZEN: Final = "authzen"
"""The `transport` of callers that ask the decision point without a credential, not through an enforcer."""


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many items of a member were left out at its end, and the digest of the canonical JSON of all of it."""

    count: int
    digest: str


class DecisionRecord(
    msgspec.Struct, frozen=True, tag="decision", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """Who asked for what and how it was decided; times are RFC 3339 UTC, `latency_us` and `decision_us` microseconds.

    `schema_digest` is the approved definition of the tool, `offered_digest` that of its server where it is another.
    `issuer` is who vouches for the principal; `groups`, `roles`, `tenant`, `attributes`, `delegation` and `scopes`
    are what was known then, made by the claims mapping with the digest `mapping`. `decision_us` is what the decision
    took of `latency_us`, `decided_at` the time that policies saw. A cached decision has the `decision_id` and
    `decided_at` of the one it repeats. `withheld` has the places of `arguments` (JSON Pointers, `*` for every item of
    an array) that are not what was decided on; `left_out` the members that had too many items. `not_replayable` says
    why the decision cannot be made again from this record and its bundle; without it, from version 2 on, it can.
    """

    id: str
    time: str
    writer: str
    boot: str
    sequence: int
    effect: Effect
    reason_code: ReasonCode
    origin: DecisionOrigin
    transport: str
    latency_us: int
    method: str | None = None
    server: str | None = None
    tool: str | None = None
    principal_type: str | None = None
    principal: str | None = None
    groups: list[str] = []
    actor: str | None = None
    session: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    client_ip: str | None = None
    decision_id: str | None = None
    policies: list[str] = []
    errors: list[str] = []
    obligations: list[str] = []
    generation: int = 0
    bundle: str | None = None
    schema_digest: str | None = None
    offered_digest: str | None = None
    arguments: dict[str, Any] | None = None
    arguments_digest: str | None = None
    shown: list[str] | None = None
    detail: str | None = None
    version: int = 1
    previous: str | None = None
    issuer: str | None = None
    roles: list[str] = []
    tenant: str | None = None
    attributes: dict[str, Any] = {}
    mapping: str | None = None
    delegation: list[str] = []
    scopes: list[str] = []
    obligation_states: dict[str, ObligationState] = {}
    decision_us: int | None = None
    decided_at: str | None = None
    withheld: dict[str, Withheld] = {}
    left_out: dict[str, LeftOut] = {}
    not_replayable: NotReplayable | None = None


class OutcomeRecord(
    msgspec.Struct, frozen=True, tag="outcome", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """What became of the request that `decision` (the decision record's id) let through.

    `upstream_error` is the code of a JSON-RPC error that the server answered, `upstream_failure` how it failed to.
    """

    id: str
    time: str
    writer: str
    boot: str
    sequence: int
    decision: str
    fate: Fate
    reason_code: ReasonCode
    latency_us: int
    result_digest: str | None = None
    result_bytes: int | None = None
    detail: str | None = None
    version: int = 1
    previous: str | None = None
    upstream_error: int | None = None
    upstream_failure: UpstreamFailure | None = None


class DriftRecord(
    msgspec.Struct, frozen=True, tag="drift", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """What became of one tool of `server`, or of `count` unknown ones that are not named.

    `reason_code` is what its calls are denied with, or `allowed`; `approved` and `offered` are the digests of
    the two definitions. `twin` is the approved tool whose name a reader could take this one's for.
    """

    id: str
    time: str
    writer: str
    boot: str
    sequence: int
    server: str
    state: DriftState
    reason_code: ReasonCode
    tool: str | None = None
    approved: str | None = None
    offered: str | None = None
    twin: str | None = None
    count: int = 1
    detail: str | None = None
    version: int = 1
    previous: str | None = None


class ReadingRecord(
    msgspec.Struct, frozen=True, tag="reading", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """Who asked the log for what: `reader` as the reading program knows it, `asked` the question by its options.

    `found` is how many records it was given; None where it went on to read.
    """

    id: str
    time: str
    writer: str
    boot: str
    sequence: int
    reader: str
    command: str
    asked: dict[str, Any] = {}
    found: int | None = None
    detail: str | None = None
    version: int = 1
    previous: str | None = None


EnforcerRecord: TypeAlias = DecisionRecord | OutcomeRecord | DriftRecord
"""What enforcers record; the rest is the decision point's own."""
Record: TypeAlias = EnforcerRecord | ComparisonRecord | ReadingRecord
