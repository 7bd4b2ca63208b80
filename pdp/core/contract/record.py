"""The record: one `decision` before a request goes on, one `outcome` after; a `drift` when a tool is not as it was;
a `comparison` of what a canary would have decided; a `reading` when somebody asked the log.

A record is unique by (writer, boot, sequence): the writer is who recorded, the boot one run of it, the
sequence counts from 1 without a gap. `previous` is the digest of the record before it in the same chain, which goes
on over the boots of one spool; None begins a chain. `version` is 1 where nothing says it.
"""

from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from pdp.core.contract.reason_code import ReasonCode

RECORD_VERSION: Final = 2
UNNUMBERED: Final = ""
"""The boot of a record before the spool gives it a place; its sequence is 0 then."""
AUTHZEN: Final = "authzen"
"""The `transport` of callers that ask the decision point without a credential, not through an enforcer."""


class Effect(StrEnum):
    """What was decided."""

    ALLOW = "allow"
    DENY = "deny"


class DecisionOrigin(StrEnum):
    """Where the decision came from; `none` when the request failed before one was asked for."""

    FRESH = "fresh"
    CACHED = "cached"
    EMBEDDED = "embedded"
    NONE = "none"


class Recording(StrEnum):
    """What a record has of a call's arguments, from the least strict on."""

    KEEP = "keep"
    """What they are."""
    HASH = "hash"
    """An HMAC of each, which only the enforcer's key can tell anything from."""
    DROP = "drop"
    """Nothing."""


def strictest(*recordings: Recording | None) -> Recording:
    """The strictest of `recordings`; None says nothing."""
    return max((one for one in recordings if one is not None), key=_STRICTNESS.index, default=Recording.KEEP)


_STRICTNESS: Final = tuple(Recording)


class Withheld(StrEnum):
    """Why a record does not have what is at a place of the arguments."""

    MASKED = "masked"
    """It is a secret: `[secret]` stands there."""
    HASHED = "hashed"
    """`{"hmac": "sha256:..."}` stands there, over the canonical JSON of what was there."""
    DROPPED = "dropped"
    """Nothing stands there."""
    TOO_LARGE = "too_large"


class LeftOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many items of a member were left out at its end, and the digest of the canonical JSON of all of it."""

    count: int
    digest: str


class UpstreamFailure(StrEnum):
    """How the server behind an enforcer failed to answer."""

    UNREACHABLE = "unreachable"
    """No connection could be had, or it broke when the call was sent."""
    CLOSED = "closed"
    """The connection or the process ended before the answer."""
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    """What it answered is no MCP."""


class Fate(StrEnum):
    """What became of an allowed request."""

    ANSWERED = "answered"
    TOOL_ERROR = "tool_error"
    BLOCKED = "blocked"
    FAILED = "failed"


class DriftState(StrEnum):
    """How what a server offers stands to what was approved."""

    APPROVED = "approved"
    """It is what was approved, and was not before."""
    CHANGED = "changed"
    """It was approved with another definition."""
    UNKNOWN = "unknown"
    """Nothing was approved by that name."""
    AMBIGUOUS = "ambiguous"
    """Its name, or its name on the wire, is offered more than once."""
    UNSTABLE = "unstable"
    """It changed too often under one catalog."""
    GONE = "gone"
    """It is offered no more."""


class ObligationState(StrEnum):
    """What became of an obligation."""

    FULFILLED = "fulfilled"
    FAILED = "failed"
    """It could not be fulfilled, so the request was denied."""
    UNKNOWN = "unknown"
    """The enforcer does not know it, so the request was denied."""
    NOT_REACHED = "not_reached"
    """The request was denied before its turn."""


class NotReplayable(StrEnum):
    """Why a decision cannot be made again from its record and the bundle that it names."""

    NOT_DECIDED = "not_decided"
    """The request failed before a decision was asked for, or none could be had."""
    ARGUMENTS_MASKED = "arguments_masked"
    """Some of them are secrets."""
    ARGUMENTS_HASHED = "arguments_hashed"
    ARGUMENTS_DROPPED = "arguments_dropped"
    ARGUMENTS_TOO_LARGE = "arguments_too_large"
    REQUEST_TOO_LARGE = "request_too_large"
    """Some of who asked or what for had to be left out."""
    CALLER_UNKNOWN = "caller_unknown"
    """Nobody vouches for what the caller said, so only a part of it was kept."""
    REVOKED = "revoked"
    """A revocation decided, or that none is known: bundles have none."""
    TIME_UNKNOWN = "time_unknown"
    """The decision point did not say at which time it decided."""
    LIST = "list"
    """It is of many tools at once: the record has what was shown, not what was offered."""
    OLD_RECORD = "old_record"
    """It was written before records kept all that a decision depends on."""


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


class Change(StrEnum):
    """What a canary would have answered differently: the first of these that applies."""

    FAILED = "shadow_failed"
    """It did not answer at all."""
    ALLOW_TO_DENY = "allow_to_deny"
    DENY_TO_ALLOW = "deny_to_allow"
    REASON_CODE = "reason_code"
    """The same decision for another reason."""
    POLICIES = "policies"
    """The same, by other policies, or with others that could not be evaluated."""
    OBLIGATIONS = "obligations"
    SCOPES = "scopes"
    MESSAGE = "message"


class Answered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one of two bundles said; `more` counts the policies beyond those in `policies`."""

    decision: Effect
    reason_code: ReasonCode
    policies: list[str] = []
    more: int = 0


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request on which two bundles differ, decided at `time`; never its arguments.

    `failure` is what kind of error the shadow met; then there is no answer of it.
    """

    decision_id: str
    time: str
    change: Change
    active: Answered
    shadow: Answered | None = None
    method: str | None = None
    server: str | None = None
    tool: str | None = None
    principal: str | None = None
    actor: str | None = None
    failure: str | None = None


class ComparisonRecord(
    msgspec.Struct, frozen=True, tag="comparison", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """What the bundle `shadow` would have decided of `percent` of the requests that `bundle` decided.

    It counts from `since` to `time`: every request that was picked is one of `compared`, `incomparable` (the shadow
    cannot say anything about it) and `skipped` (it could not be looked at). `changes` has the number of each
    change; of these `different` ones, `differences` lists the first.
    """

    id: str
    time: str
    writer: str
    boot: str
    sequence: int
    generation: int
    bundle: str
    shadow: str
    percent: float
    since: str
    compared: int
    skipped: int = 0
    incomparable: int = 0
    different: int = 0
    changes: dict[Change, int] = {}
    differences: list[Difference] = []
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
