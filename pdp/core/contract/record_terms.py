"""The words of a record: the values that its members can have, each with what it says."""

from enum import StrEnum
from typing import Final


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
