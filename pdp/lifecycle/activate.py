"""Activation: one reference swap, and only of what may be believed and compiles whole; the last good one stays."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pdp.core.bundle.admission import Admitted, Newest
from pdp.core.bundle.bundle import Bundle
from pdp.core.bundle.head import Head
from pdp.core.bundle.trust import Trust
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import BundleError, ConfigurationError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.account import Account
from pdp.lifecycle.archive import Archive
from pdp.lifecycle.belief import Belief
from pdp.lifecycle.builds import Builds
from pdp.lifecycle.keeping import Keeping
from pdp.lifecycle.source import BundleSource, Sighting
from pdp.lifecycle.standing import TROUBLES, ActivationError, Moment, Standing, Trouble
from pdp.lifecycle.state import BundleState, StateError


@dataclass(frozen=True, slots=True)
class BundleRules:
    """What a bundle has to be; durations are seconds.

    Without `trust` whatever the source has is believed. `max_age` bounds how long after it was known to be the newest
    a bundle decides, None: without end. `keep` is how long a replaced one stays in the archive, `answer_max_age` how
    long one of its answers may be used again.
    """

    answer_max_age: float
    trust: Trust | None = None
    max_age: float | None = None
    keep: float = 9600 * 3600.0


@dataclass(frozen=True, slots=True)
class InForce:
    """A bundle that decides, and what is signed about it."""

    bundle: Bundle
    head: Head


class ActiveBundle:
    """Holds the bundle that decides now."""

    def __init__(
        self, source: BundleSource, *, state: BundleState, archive: Archive, rules: BundleRules, clock: Clock
    ) -> None:
        self._source = source
        self._state = state
        self._archive = archive
        self._rules = rules
        self._clock = clock
        self._belief = Belief(state, trust=rules.trust, max_age=rules.max_age)
        self._builds = Builds(source, answer_max_age=rules.answer_max_age)
        self._keeping = Keeping(state, archive, keep=rules.keep)
        self._active: InForce | None = None
        self._seen: str | None = None
        self._refused: tuple[str, ConfigurationError] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._turn = threading.Lock()
        self._account = Account()

    @property
    def standing(self) -> Standing:
        """How it stands."""
        return self._account.standing

    @property
    def failures_by(self) -> Mapping[Trouble, int]:
        """How often something else was wrong with the newest of the source, by what it was."""
        return self._account.failures_by

    @property
    def failures(self) -> int:
        """How often something else was wrong with it."""
        return sum(self.failures_by.values())

    @property
    def in_force(self) -> InForce:
        """The active bundle with what is signed about it, the two of one moment.

        Raises:
            RuntimeError: `activate` has not succeeded yet.

        """
        if self._active is None:
            raise RuntimeError("no bundle is active")
        return self._active

    @property
    def bundle(self) -> Bundle:
        """The active bundle, however old it is.

        Raises:
            RuntimeError: as `in_force`.

        """
        return self.in_force.bundle

    @property
    def head(self) -> Head:
        """What is signed about the active bundle; not signed at all where its source does not sign.

        Raises:
            RuntimeError: as `in_force`.

        """
        return self.in_force.head

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each look at the source, by the thread that looked."""
        self._listeners.append(listener)

    @property
    def source(self) -> str:
        """What the source is called."""
        return self._source.name

    @property
    def max_age(self) -> float | None:
        """Up to which `age` it decides, in seconds; None: however old it is."""
        return self._rules.max_age

    def usable(self) -> Bundle:
        """The active bundle, where it is not too old to decide with.

        Raises:
            BundleError: `bundle_stale`.

        """
        if self._rules.max_age is not None:
            age = self.age()
            if age > self._rules.max_age:
                text = (
                    f"the bundle was last known to be the newest {age:.0f} s ago, at most {self._rules.max_age:.0f} s"
                )
                raise BundleError(ReasonCode.BUNDLE_STALE, text)
        return self.bundle

    def age(self) -> float:
        """Seconds since the active bundle was last known to be the newest, by the clock on which that are more."""
        return self.standing.age(self._now())

    def confirmed_ago(self) -> float | None:
        """Seconds since the source was last seen to have nothing else that could be used; None where it never was."""
        confirmed = self.standing.confirmed
        return None if confirmed is None else max(0.0, self._clock.steady() - confirmed)

    def archived(self, digest: str) -> bytes:
        """The content of any bundle that is kept; that of the active one also while the archive cannot be reached.

        Raises:
            NotArchivedError: it is not kept.
            ArchiveError: it cannot be read.

        """
        here = None
        if self._active is not None and self._active.bundle.manifest.digest == digest:
            with suppress(StateError):
                here = self._state.content(digest)
        return self._archive.get(digest) if here is None else here

    def activate(self) -> None:
        """Make what the source has the active bundle; where that cannot be, the one that was active last.

        Raises:
            ConfigurationError: with every problem, where none was ever active.
            BundleError: as that, for what must not be believed.
            SourceError: as that, for a source that cannot be read.
            ArchiveError: as that, for an archive that keeps nothing.
            ActivationError: as that, for what nobody foresaw.

        """
        try:
            self._look()
        except TROUBLES:
            if self._active is None and not self._restore():
                raise

    def refresh(self) -> None:
        """Look for another bundle; on a problem the last good one stays, and the problem is told once."""
        with suppress(*TROUBLES):
            self._look()
        for listener in self._listeners:
            listener()

    def _look(self) -> None:
        with self._turn:
            moment = self._now()
            try:
                self._step(moment)
            except TROUBLES as error:
                self._account.troubled(error, moment, fresh_at=self._unless_stated(moment))
                raise
            except Exception as error:
                # The outermost edge of what a source can bring: whatever it does, the last good bundle decides on.
                defect = ActivationError(f"the bundle could not be activated: {type(error).__name__}")
                self._account.troubled(defect, moment, fresh_at=None, cause=error)
                raise defect from error

    def _step(self, moment: Moment) -> None:
        """One look at the source, and what follows from it."""
        # (1) what is there
        seen = self._source.look()
        if seen.state == self._seen and self._is_numbered(seen):
            self._account.confirmed(moment, fresh_at=self._unless_stated(moment))
            return
        if self._refused is not None and self._refused[0] == seen.state:
            raise self._refused[1].with_traceback(None)
        # (2) whether it may be believed
        newest = self._newest()
        admitted = self._belief.admit(seen, newest=newest, now=moment.wall)
        if admitted is not None and self._is_known(admitted):
            self._seen = seen.state
            self._account.confirmed(moment, fresh_at=self._unless_stated(moment))
            return
        # (3) the bundle, unless the files are those that decide already
        try:
            built = self._builds.of(seen, active=None if self._active is None else self._active.bundle)
        except ConfigurationError as error:
            self._refused = (seen.state, error)
            raise
        # (4) the archive, and what outlives a restart, before anything is decided by it
        head = self._keeping.keep(built, _with_chain(seen.head, admitted), active=newest, now=moment.wall)
        # (5) INVARIANT: this assignment is the activation; no request sees half of two bundles.
        before, self._active = self._active, InForce(built.bundle.under(head.unverified()), head)
        self._seen, self._refused = seen.state, None
        self._builds.release()
        self._account.activated(
            self._active.bundle,
            moment,
            before=None if before is None else before.bundle,
            fresh_at=moment.wall if admitted is None or admitted.fresh_at is None else admitted.fresh_at,
        )
        # (6) what was replaced long ago, which nobody waits for
        if built.content is not None:
            self._keeping.retire(self._active.bundle.manifest.digest, now=moment.wall)

    def _newest(self) -> Newest:
        """The newest that was believed here, by the state, or by this process where the state was lost since."""
        kept = self._state.newest()
        if self._active is None:
            return kept
        manifest = self._active.bundle.manifest
        return Newest(manifest.serial, manifest.digest) if manifest.serial > kept.serial else kept

    def _is_numbered(self, seen: Sighting) -> bool:
        """Whether the active serial is the content's: who shares the state may have given it another."""
        if seen.serial is not None or self._active is None:
            return True
        newest, active = self._state.newest(), self._active.bundle.manifest
        return newest.digest != active.digest or newest.serial <= active.serial

    def _is_known(self, admitted: Admitted) -> bool:
        """Whether it says less than what is known: it is the active bundle, by an older statement."""
        known, active = self.standing.fresh_at, self._active
        if active is None or admitted.fresh_at is None or known is None or active.head.freshness is None:
            return False
        is_older = admitted.manifest == active.bundle.manifest and admitted.fresh_at < known
        return is_older and admitted.trust.envelope in active.head.trust

    def _unless_stated(self, moment: Moment) -> float | None:
        """When the active bundle is known to be the newest, once the source was seen to have nothing else to use.

        Where its publisher signs when that is, it would have come with another head, and `moment` says nothing.
        """
        if self._rules.trust is None:
            return moment.wall
        return None if self._active is None or self._active.head.freshness is not None else moment.wall

    def _now(self) -> Moment:
        return Moment(self._clock.steady(), self._clock.wall())

    def _restore(self) -> bool:
        """Go on with the bundle that was active last; what was believed of it then is believed still."""
        moment = self._now()
        try:
            last = self._state.last_good()
            if last is None:
                return False
            head, files = last
            fresh_at = self._belief.of_last(head, newest=self._state.newest(), now=moment.wall)
            manifest = head.unverified()
            bundle = self._builds.compiled(files, previous=None).under(manifest)
        except (ConfigurationError, BundleError) as error:
            self._account.not_restored(error)
            return False
        self._active = InForce(bundle, head)
        self._account.restored(bundle, moment, fresh_at=fresh_at)
        return True


def _with_chain(head: Head | None, admitted: Admitted | None) -> Head | None:
    """`head` with the versions of the root of trust up to the one that it is believed by."""
    if head is None or admitted is None:
        return head
    return Head(head.manifest, head.freshness, admitted.trust.chain)
