"""Reason codes: why a request was decided as it was.

A code is stable, goes to the caller and into the record; the cause behind it goes to the log only.
`docs/reason-codes.md` documents each and a test holds the two together.
"""

from enum import StrEnum
from typing import Final


class ReasonCode(StrEnum):
    """Why a request was allowed or denied; the first denial met in the chain's order wins."""

    ALLOWED = "allowed"
    FORBIDDEN_BY_POLICY = "forbidden_by_policy"
    NO_POLICY_ALLOWS = "no_policy_allows"
    POLICY_ERROR = "policy_error"
    REQUEST_INVALID = "request_invalid"
    ARGUMENT_NOT_REPRESENTABLE = "argument_not_representable"
    ARGUMENTS_INVALID = "arguments_invalid"
    TOOL_UNKNOWN = "tool_unknown"
    TOOL_CHANGED = "tool_changed"
    METHOD_UNKNOWN = "method_unknown"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a code, not a secret
    TOKEN_INVALID = "token_invalid"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    AUDIENCE_MISMATCH = "audience_mismatch"
    PROOF_INVALID = "proof_invalid"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    IDENTITY_UNMAPPED = "identity_unmapped"
    ADDRESS_REFUSED = "address_refused"
    SCOPE_MISSING = "scope_missing"
    OBLIGATION_UNKNOWN = "obligation_unknown"
    APPROVAL_REQUIRED = "approval_required"
    APPROVAL_DENIED = "approval_denied"
    LIMIT_EXCEEDED = "limit_exceeded"
    GUARD_BLOCKED = "guard_blocked"
    GUARD_FAILED = "guard_failed"
    SESSION_MISMATCH = "session_mismatch"
    REVOKED = "revoked"
    REVOCATIONS_UNKNOWN = "revocations_unknown"
    PDP_UNREACHABLE = "pdp_unreachable"
    BUNDLE_STALE = "bundle_stale"
    BUNDLE_UNTRUSTED = "bundle_untrusted"
    LOG_UNAVAILABLE = "log_unavailable"
    MESSAGE_MALFORMED = "message_malformed"
    MESSAGE_TOO_LARGE = "message_too_large"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    INTERNAL_ERROR = "internal_error"


BY_BUNDLE: Final = frozenset(
    {
        ReasonCode.ALLOWED,
        ReasonCode.FORBIDDEN_BY_POLICY,
        ReasonCode.NO_POLICY_ALLOWS,
        ReasonCode.POLICY_ERROR,
        ReasonCode.REQUEST_INVALID,
        ReasonCode.ARGUMENT_NOT_REPRESENTABLE,
        ReasonCode.TOOL_UNKNOWN,
        ReasonCode.TOOL_CHANGED,
        ReasonCode.METHOD_UNKNOWN,
        ReasonCode.SCOPE_MISSING,
    }
)
"""What a bundle alone answers to a request, at any time and on every decision point."""

CALLER_TEXT: Final[dict[ReasonCode, str]] = {
    ReasonCode.ALLOWED: "allowed",
    ReasonCode.FORBIDDEN_BY_POLICY: "a policy forbids this call",
    ReasonCode.NO_POLICY_ALLOWS: "no policy allows this call",
    ReasonCode.POLICY_ERROR: "a policy could not be evaluated for this call, so it is denied",
    ReasonCode.REQUEST_INVALID: "the request cannot be decided as it stands",
    ReasonCode.ARGUMENT_NOT_REPRESENTABLE: "a policy reads an argument whose value it cannot see exactly",
    ReasonCode.ARGUMENTS_INVALID: "the arguments do not satisfy the tool's schema",
    ReasonCode.TOOL_UNKNOWN: "no such tool",
    ReasonCode.TOOL_CHANGED: "the tool's definition differs from the approved one",
    ReasonCode.METHOD_UNKNOWN: "this method is not supported",
    ReasonCode.TOKEN_MISSING: "a bearer token is required",
    ReasonCode.TOKEN_INVALID: "the bearer token is not valid here",
    ReasonCode.TOKEN_EXPIRED: "the bearer token has expired",
    ReasonCode.AUDIENCE_MISMATCH: "the bearer token is meant for another audience",
    ReasonCode.PROOF_INVALID: "the token is bound to its holder, and the proof of that is missing or not valid",
    ReasonCode.ISSUER_UNAVAILABLE: "the token cannot be checked now, because its issuer does not answer",
    ReasonCode.IDENTITY_UNMAPPED: "the token is valid, but says too little or too much to tell who you are here",
    ReasonCode.ADDRESS_REFUSED: "requests from this address are not accepted",
    ReasonCode.SCOPE_MISSING: "the bearer token lacks a required scope",
    ReasonCode.OBLIGATION_UNKNOWN: "the decision carries an obligation this enforcer cannot meet",
    ReasonCode.APPROVAL_REQUIRED: "this call needs an approval",
    ReasonCode.APPROVAL_DENIED: "the approval for this call was denied",
    ReasonCode.LIMIT_EXCEEDED: "a limit is exceeded",
    ReasonCode.GUARD_BLOCKED: "a guard blocked this message",
    ReasonCode.GUARD_FAILED: "a guard could not check this message, so it is denied",
    ReasonCode.SESSION_MISMATCH: "no such session",
    ReasonCode.REVOKED: "this access has been revoked",
    ReasonCode.REVOCATIONS_UNKNOWN: "what has been revoked cannot be known now, so the call is denied",
    ReasonCode.PDP_UNREACHABLE: "no decision could be had, so the call is denied",
    ReasonCode.BUNDLE_STALE: "the policies at hand are too old to decide with",
    ReasonCode.BUNDLE_UNTRUSTED: "the policies at hand cannot be trusted",
    ReasonCode.LOG_UNAVAILABLE: "the decision could not be recorded, so the call is denied",
    ReasonCode.MESSAGE_MALFORMED: "the message is malformed",
    ReasonCode.MESSAGE_TOO_LARGE: "the message is too large",
    ReasonCode.UPSTREAM_UNAVAILABLE: "the tool's server did not answer properly",
    ReasonCode.INTERNAL_ERROR: "an internal error occurred, so the call is denied",
}
"""The constant text a caller reads for a code when no policy supplies a message."""
