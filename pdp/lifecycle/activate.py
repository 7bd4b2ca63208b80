"""Activation: one reference swap, and only of what may be believed and compiles whole; the last good one stays."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from pdp.core.bundle.admission import Admitted, admit, chain_with
from pdp.core.bundle.bundle import Bundle, build
from pdp.core.bundle.content import encode
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.head import Head, checked_files
from pdp.core.bundle.manifest import PAYLOAD_TYPE, Manifest, manifest_of
from pdp.core.bundle.trust import Trust
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, ConfigurationError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.archive import Archive, ArchiveError, expired
from pdp.lifecycle.source import BundleSource, Sighting, SourceError
from pdp.lifecycle.standing import Standing, Trouble
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
class _Fresh:
    """A bundle that may become active, what is signed about it, and its content where that is another."""

    bundle: Bundle
    head: Head
    content: bytes | None


_TROUBLES: Final = (ConfigurationError, BundleError, SourceError, ArchiveError)


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
        self._bundle: Bundle | None = None
        self._head: Head | None = None
        self._seen: str | None = None
        self._judged: str | None = None
        self._judging: str | None = None
        self._listeners: list[Callable[[], None]] = []
        self._turn = threading.Lock()
        self._log = structlog.get_logger("toolgate.lifecycle")
        self.standing = Standing()
        self.failures_by = dict.fromkeys(Trouble, 0)

    @property
    def bundle(self) -> Bundle:
        """The active bundle, however old it is.

        Raises:
            RuntimeError: `activate` has not succeeded yet.

        """
        if self._bundle is None:
            raise RuntimeError("no bundle is active")
        return self._bundle

    @property
    def head(self) -> Head:
        """What is signed about the active bundle; not signed at all where its source does not sign.

        Raises:
            RuntimeError: as `bundle`.

        """
        if self._head is None:
            raise RuntimeError("no bundle is active")
        return self._head

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

    @property
    def failures(self) -> int:
        """How often a bundle was not activated since the start."""
        return sum(self.failures_by.values())

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
        """Seconds since the active bundle was last known to be the newest."""
        fresh_at = self.standing.fresh_at
        return float("inf") if fresh_at is None else max(0.0, self._clock.wall() - fresh_at)

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
        if self._bundle is not None and self._bundle.manifest.digest == digest:
            with suppress(StateError):
                here = self._state.content(digest)
        return self._archive.get(digest) if here is None else here

    def activate(self) -> None:
        """Make what the source has the active bundle; where that cannot be, the one that was active last.

        Raises:
            ConfigurationError: with every problem, where none was ever active.
            BundleError: as that, for what must not be believed.
            SourceError: as that, for a source that cannot be read.

        """
        try:
            self._look()
        except _TROUBLES:
            if self._bundle is None and not self._restore():
                raise

    def refresh(self) -> None:
        """Look for another bundle; on a problem the last good one stays, and the problem is told once."""
        with suppress(*_TROUBLES):
            self._look()
        for listener in tuple(self._listeners):
            listener()

    def _look(self) -> None:
        with self._turn:
            try:
                self._step()
            except _TROUBLES as error:
                self._trouble(error)
                raise

    def _step(self) -> None:
        """One look at the source, and what follows from it."""
        looked, wall = self._clock.steady(), self._clock.wall()
        # (1) what is there
        self._judging = None
        seen = self._source.look()
        if seen.state == self._judged:
            self._confirm(looked, wall)
            return
        if seen.state == self._seen and self._is_numbered(seen):
            self._confirm(looked, wall)
            self.standing = replace(self.standing, trouble=None, error=None)
            return
        self._judging = seen.state
        # (2) whether it may be believed
        admitted = self._admit(seen, now=wall)
        # (3) the files, unless they are those that decide already
        fresh = self._same(seen, admitted) or self._built(seen, admitted)
        # (4) the archive, and what outlives a restart, before anything is decided by it
        self._keep(fresh, now=wall)
        # (5) INVARIANT: this assignment is the activation; no request sees half of two bundles.
        before, self._bundle, self._head = self._bundle, fresh.bundle, fresh.head
        self._seen, self._judged = seen.state, None
        self._tell(before)
        fresh_at = wall if admitted is None or admitted.fresh_at is None else admitted.fresh_at
        self.standing = Standing(confirmed=looked, fresh_at=fresh_at)

    def _is_numbered(self, seen: Sighting) -> bool:
        """Whether the active serial is the content's: who shares the state may have given it another."""
        if seen.serial is not None or self._bundle is None:
            return True
        newest, active = self._state.newest(), self._bundle.manifest
        return newest.digest != active.digest or newest.serial == active.serial

    def _confirm(self, looked: float, wall: float) -> None:
        """The source has nothing else that could be used.

        Where its publisher signs when a bundle is the newest, it would have come with another head.
        """
        is_stated = self._rules.trust is not None and self._head is not None and self._head.freshness is not None
        is_believed = self.standing.trouble in {None, Trouble.REFUSED, Trouble.UNAVAILABLE, Trouble.UNKEPT}
        fresh_at = self.standing.fresh_at if is_stated or not is_believed else wall
        confirmed = looked if is_believed else self.standing.confirmed
        self.standing = replace(self.standing, confirmed=confirmed, fresh_at=fresh_at)

    def _admit(self, seen: Sighting, *, now: float) -> Admitted | None:
        newest, configured = self._state.newest(), self._rules.trust
        if seen.head is None or configured is None:
            if seen.serial is not None and seen.serial < newest.serial:
                newest.check(seen.serial, "")
            return None
        trust = self._state.trust(configured)
        admitted = admit(seen.head, trust=trust, newest=newest, now=now)
        if admitted.trust is not trust:
            # Kept at once: a key that was withdrawn is none any more, whatever becomes of this bundle.
            self._state.keep_trust(admitted.trust, configured=configured)
            self._log.info("trust_advanced", trust=admitted.trust.number)
        if self._rules.max_age is not None and admitted.fresh_at is None:
            text = "`pdp.bundles.max_age` needs a signed statement of freshness: see `toolgate bundle refresh`"
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, text)
        return admitted

    def _same(self, seen: Sighting, admitted: Admitted | None) -> _Fresh | None:
        """The active content under what is signed about it now, where only that is another."""
        if seen.head is None or self._bundle is None:
            return None
        manifest = seen.head.unverified() if admitted is None else admitted.manifest
        if manifest.digest != self._bundle.manifest.digest or manifest.parts != self._bundle.manifest.parts:
            return None
        return _Fresh(self._bundle.under(manifest), self._with_chain(seen.head, admitted), None)

    def _built(self, seen: Sighting, admitted: Admitted | None) -> _Fresh:
        files = self._source.fetch(seen)
        content = encode(files)
        bundle, digest = self._compiled(files), digest_of(content)
        if seen.head is not None:
            manifest = seen.head.unverified() if admitted is None else admitted.manifest
            return _Fresh(bundle.under(manifest), self._with_chain(seen.head, admitted), content)
        # A serial is taken last, so that what is refused uses none up.
        serial = self._state.number(digest) if seen.serial is None else seen.serial
        manifest = manifest_of(files, serial=serial, origin=seen.origin)
        return _Fresh(bundle.under(manifest), Head(sealed(PAYLOAD_TYPE, manifest.to_json())), content)

    def _compiled(self, files: Mapping[str, bytes]) -> Bundle:
        bundle = build(files, max_age=self._rules.answer_max_age, previous=self._bundle)
        bundle.prepare()
        return bundle

    def _with_chain(self, head: Head, admitted: Admitted | None) -> Head:
        if admitted is None:
            return head
        return Head(head.manifest, head.freshness, chain_with(head.trust, admitted.trust))

    def _keep(self, fresh: _Fresh, *, now: float) -> None:
        manifest = fresh.bundle.manifest
        self._state.newest().check(manifest.serial, manifest.digest)
        if fresh.content is not None:
            self._archive.put(manifest.digest, fresh.content, now=now)
            self._state.keep_content(manifest.digest, fresh.content)
        self._state.advance(manifest.serial, manifest.digest)
        self._state.keep_head(fresh.head, digest=manifest.digest)
        if fresh.content is not None:
            self._retire(now)

    def _retire(self, now: float) -> None:
        """Let go of what was replaced long ago; that it cannot be is nothing to refuse a bundle for."""
        try:
            for digest in list(expired(self._archive.entries(), keep=self._rules.keep, now=now)):
                self._archive.remove(digest)
                self._log.info("bundle_retired", bundle=digest)
        except ArchiveError as error:
            self._log.warning("bundle_not_retired", cause=str(error))

    def _restore(self) -> bool:
        """Go on with the bundle that was active last; what was believed of it then is believed still."""
        last = self._state.last_good()
        if last is None:
            return False
        head, content = last
        manifest = head.unverified()
        self._bundle, self._head = self._compiled(checked_files(manifest, content)).under(manifest), head
        self.standing = replace(self.standing, fresh_at=self._stated(head, manifest))
        self._log.warning("bundle_restored", bundle=manifest.digest, generation=manifest.serial)
        return True

    def _stated(self, head: Head, manifest: Manifest) -> float | None:
        """When the publisher last said that it is the newest; nobody else knows after a restart."""
        if head.freshness is None or self._rules.trust is None:
            return None
        trust = self._state.trust(self._rules.trust)
        try:
            return admit(head, trust=trust, newest=self._state.newest(), now=self._clock.wall()).fresh_at
        except BundleError as error:
            self._log.warning("statement_not_believed", bundle=manifest.digest, cause=error.detail)
            return None

    def _tell(self, before: Bundle | None) -> None:
        active = self.bundle
        manifest, last = active.manifest, None if before is None else before.manifest
        if last is not None and (last.serial, last.digest) == (manifest.serial, manifest.digest):
            return
        self._log.info(
            "bundle_activated",
            bundle=manifest.digest,
            generation=manifest.serial,
            origin=manifest.origin,
            rollback=manifest.rollback,
        )
        if last is None or last.digest != manifest.digest:
            for warning in active.compiled.warnings:
                self._log.warning("policy_warning", problem=str(warning))

    def _trouble(self, error: ConfigurationError | BundleError | SourceError | ArchiveError) -> None:
        """Told once, and counted once, for each thing that is wrong."""
        trouble = _trouble_of(error)
        known = self.standing
        self._judged = self._judging if trouble in {Trouble.REFUSED, Trouble.UNTRUSTED} else None
        self.standing = replace(known, trouble=trouble, error=str(error))
        if trouble is Trouble.REFUSED:
            self._confirm(self._clock.steady(), self._clock.wall())
        if (known.trouble, known.error) == (trouble, str(error)):
            return
        self.failures_by[trouble] += 1
        problems = [str(one) for one in error.problems] if isinstance(error, ConfigurationError) else [str(error)]
        self._log.error(trouble.value, problems=problems)


def _trouble_of(error: ConfigurationError | BundleError | SourceError | ArchiveError) -> Trouble:
    match error:
        case StateError() | ArchiveError():
            return Trouble.UNKEPT
        case SourceError():
            return Trouble.UNAVAILABLE
        case BundleError():
            return Trouble.UNTRUSTED
        case _:
            return Trouble.REFUSED
