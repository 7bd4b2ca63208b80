"""The record of a canary: what it would have decided otherwise."""

import msgspec

from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Change, Effect


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
