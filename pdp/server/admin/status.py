"""How the decision point is, for administrators."""

from pydantic import BaseModel

from pdp.core.bundle.head import Head
from pdp.core.bundle.trust import trust_of
from pdp.core.contract.errors import BundleError
from pdp.core.contract.identifier import rfc3339
from pdp.lifecycle.standing import Trouble
from pdp.server.bundle_facts import facts_of, milliseconds
from pdp.server.confirmations import Confirmation, Confirmations
from pdp.server.interior import Interior
from pdp.server.trial import CanaryStanding


class EnforcerView(BaseModel):
    """The generation that an enforcer said it uses, when it last said so, and how many milliseconds ago."""

    generation: int
    at: str
    age_ms: int


class Status(BaseModel):
    """How the decision point is.

    `bundle_error` and `bundle_trouble` are why the newest policies are not in force. `published`, `origin` and
    `rollback` are as the manifest says; `trust` is the version of the root of trust that its keys are of. Ages are
    milliseconds.
    """

    generation: int
    bundle: str
    bundle_error: str | None
    bundle_trouble: Trouble | None
    bundle_age_ms: int | None
    published: str | None
    origin: str | None
    rollback: str | None
    trust: int | None
    source: str
    source_age_ms: int | None
    reload_failures: int
    enforcers: dict[str, EnforcerView]
    canary: CanaryStanding | None
    log_queue: int
    records_committed: int
    record_failures: int
    revocations: int
    in_force: int


def status_of(interior: Interior) -> Status:
    """The status of now.

    Raises:
        Refused: `revocations_unknown`.

    """
    known, facts, head = interior.held.current().known, facts_of(interior.bundles), interior.bundles.head
    manifest, commits = head.unverified(), interior.writer.commits
    return Status(
        generation=manifest.serial,
        bundle=manifest.digest,
        bundle_error=facts.unusable or interior.decider.last_error,
        bundle_trouble=facts.trouble,
        bundle_age_ms=facts.bundle_age_ms,
        published=manifest.published,
        origin=manifest.origin,
        rollback=manifest.rollback,
        trust=_trust(head),
        source=facts.source,
        source_age_ms=facts.source_age_ms,
        reload_failures=interior.decider.reload_failures,
        enforcers={name: _view(one, interior.confirmations) for name, one in interior.confirmations.last().items()},
        canary=None if interior.trial is None else interior.trial.standing,
        log_queue=interior.writer.depth,
        records_committed=commits.committed,
        record_failures=commits.failures,
        revocations=known.sequence,
        in_force=len(known.revocations),
    )


def _trust(head: Head) -> int | None:
    try:
        return trust_of(head.trust[-1]).number if head.trust else None
    except BundleError:  # of a channel whose signatures nobody looks at
        return None


def _view(confirmation: Confirmation, known: Confirmations) -> EnforcerView:
    age = milliseconds(known.age(confirmation)) or 0
    return EnforcerView(generation=confirmation.generation, at=rfc3339(confirmation.at), age_ms=age)
