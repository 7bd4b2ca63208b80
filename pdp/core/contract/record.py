"""The record: one `decision` before a request goes on, one `outcome` after; a `drift` when a tool is not as it was;
a `comparison` of what a canary would have decided.

A record is unique by (writer, boot, sequence): the writer is who recorded, the boot one run of it, the
sequence counts from 1 without a gap.
"""

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from pdp.core.contract.reason_code import ReasonCode


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


class DecisionRecord(msgspec.Struct, frozen=True, tag="decision", tag_field="kind", forbid_unknown_fields=True):
    """Who asked for what and how it was decided; times are RFC 3339 UTC, `latency_us` microseconds.

    `schema_digest` is the approved definition of the tool, `offered_digest` that of its server where it is another.
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


class OutcomeRecord(msgspec.Struct, frozen=True, tag="outcome", tag_field="kind", forbid_unknown_fields=True):
    """What became of the request that `decision` (the decision record's id) let through."""

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


class DriftRecord(msgspec.Struct, frozen=True, tag="drift", tag_field="kind", forbid_unknown_fields=True):
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


class ComparisonRecord(msgspec.Struct, frozen=True, tag="comparison", tag_field="kind", forbid_unknown_fields=True):
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


EnforcerRecord: TypeAlias = DecisionRecord | OutcomeRecord | DriftRecord
"""What enforcers record; the rest is the decision point's own."""
Record: TypeAlias = EnforcerRecord | ComparisonRecord
