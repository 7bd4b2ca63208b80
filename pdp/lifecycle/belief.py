"""What is believed: sightings judged by the root of trust, and by what was ever learnt of it."""

from collections.abc import Sequence

import structlog

from pdp.core.bundle.admission import Admitted, Newest, admit
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.head import Head
from pdp.core.bundle.trust import Role, Trust, advances
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.source import Sighting
from pdp.lifecycle.state import BundleState


class Belief:
    """Judges by `trust` and by what it led to; without it whatever a source has is believed.

    With `max_age` nothing is believed without a statement of when it was the newest.
    """

    def __init__(self, state: BundleState, *, trust: Trust | None, max_age: float | None) -> None:
        self._state = state
        self._configured = trust
        self._lineage: Sequence[Trust] = () if trust is None else (trust,)
        self._max_age = max_age
        self._log = structlog.get_logger("toolgate.lifecycle")

    def admit(self, seen: Sighting, *, newest: Newest, now: float) -> Admitted | None:
        """What is signed about what was seen, None where nothing has to be; `now` is Unix time.

        Raises:
            BundleError: `bundle_untrusted`.
            StateError: the state cannot be read or written.

        """
        if self._configured is None:
            if seen.serial is not None and seen.serial < newest.serial:
                newest.check(seen.serial, "")
            if seen.head is not None:
                self._log.warning("unsafe_unsigned", serial=seen.serial)
            return None
        if seen.head is None:
            raise _untrusted("nothing is signed here, and there is a root of trust that would have to")
        trust = self._learnt(seen.head.trust, configured=self._configured)
        admitted = admit(seen.head, trust=trust, newest=newest, now=now)
        if self._max_age is not None and admitted.fresh_at is None:
            raise _untrusted(
                "`pdp.bundles.max_age` needs a signed statement of freshness: see `toolgate bundle refresh`"
            )
        return admitted

    def of_last(self, head: Head, *, newest: Newest, now: float) -> float | None:
        """When the publisher last said that what was active before a restart is the newest, None where nobody did.

        What was believed of it then is believed still: it counts by any version of the root of trust so far.

        Raises:
            BundleError: `bundle_untrusted`, it was never signed by keys that were believed.
            StateError: the state cannot be read.

        """
        if self._configured is None:
            return None
        lineage = self._known(self._configured)
        if not any(_has_signed(trust, head) for trust in lineage):
            raise _untrusted("no key that was ever trusted here has signed what was active last")
        try:
            return admit(head, trust=lineage[-1], newest=newest, now=now).fresh_at
        except BundleError as error:
            self._log.warning("statement_not_believed", cause=error.detail)
            return None

    def _learnt(self, chain: Sequence[Envelope], *, configured: Trust) -> Trust:
        """Kept at once, version by version: a key that was withdrawn is none any more, whatever else comes of it."""
        self._lineage = self._known(configured)
        self._state.keep_lineage(self._lineage)
        for following in advances(self._lineage[-1], chain):
            self._lineage = (*self._lineage, following)
            self._state.keep_lineage(self._lineage)
            self._log.info("trust_advanced", trust=following.number)
        return self._lineage[-1]

    def _known(self, configured: Trust) -> Sequence[Trust]:
        """All that was learnt from `configured` on: here, by others who share the state, or before a restart."""
        kept = self._state.lineage(configured)
        return kept if len(kept) >= len(self._lineage) else self._lineage


def _has_signed(trust: Trust, head: Head) -> bool:
    try:
        trust.check(Role.BUNDLE, head.manifest)
    except BundleError:
        return False
    return True


def _untrusted(detail: str) -> BundleError:
    return BundleError(ReasonCode.BUNDLE_UNTRUSTED, detail)
