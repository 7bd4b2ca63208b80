"""The shadow: a bundle that is tried beside the active one and decides nothing."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from pdp.core.bundle.admission import Newest, admit
from pdp.core.bundle.bundle import Bundle, build
from pdp.core.bundle.manifest import Manifest
from pdp.core.bundle.trust import Trust, advances
from pdp.core.contract.clock import Clock
from pdp.lifecycle.channel_source import NothingPublishedError
from pdp.lifecycle.source import BundleSource, Sighting
from pdp.lifecycle.standing import TROUBLES, ActivationError, Standing, Trouble, Troubling, told, trouble_of


@dataclass(frozen=True, slots=True)
class ShadowRules:
    """What a shadow has to be; `answer_max_age` is seconds.

    `trust` gives the newest root of trust that is known here, None where nothing is signed.
    """

    answer_max_age: float
    trust: Callable[[], Trust] | None = None


class ShadowBundle:
    """Holds the bundle that is tried now.

    It has no serial, no archive and no state of its own: after a restart its source is read again. Any serial may
    follow any other, since what is tried is often taken back.
    """

    def __init__(self, source: BundleSource, *, rules: ShadowRules, clock: Clock) -> None:
        self._source = source
        self._rules = rules
        self._clock = clock
        self._seen: str | None = None
        self._judged: str | None = None
        self._judging: str | None = None
        self._trust: Trust | None = None
        self._turn = threading.Lock()
        self._log = structlog.get_logger("toolgate.lifecycle")
        self.bundle: Bundle | None = None
        self.standing = Standing()
        self.failures = 0

    @property
    def source(self) -> str:
        """What the source is called."""
        return self._source.name

    def refresh(self) -> None:
        """Look for another bundle; on a problem the last good one stays, and the problem is told once."""
        with self._turn:
            try:
                self._step()
            except NothingPublishedError:
                # As it is most of the time: nothing is to be tried.
                self.bundle, self._seen, self._judged = None, None, None
                self.standing = Standing(confirmed=self._clock.steady())
            except TROUBLES as error:
                self._trouble(error)
            except Exception as error:  # noqa: BLE001 - the outermost edge of what a source can bring: nobody decides by it
                self._trouble(ActivationError(f"the canary could not be taken: {type(error).__name__}"))

    def _step(self) -> None:
        """One look at the source, and what follows from it."""
        looked = self._clock.steady()
        # (1) what is there
        self._judging = None
        seen = self._source.look()
        if seen.state == self._judged:
            self.standing = replace(self.standing, confirmed=looked)
            return
        if seen.state != self._seen:
            self._judging = seen.state
            # (2) whether it may be believed
            manifest = self._believed(seen)
            # (3) the files, unless they are those that are tried already
            bundle = self._same(manifest) or self._built(seen, manifest)
            # (4) INVARIANT: this assignment is the change; no comparison sees half of two bundles.
            before, self.bundle = self.bundle, bundle
            self._seen, self._judged = seen.state, None
            self.standing = Standing(confirmed=looked)
            self._tell(before, bundle, origin=seen.origin)
        self.standing = Standing(confirmed=looked)

    def _believed(self, seen: Sighting) -> Manifest | None:
        """What is signed about it, where anything is."""
        if seen.head is None:
            return None
        if self._rules.trust is None:
            manifest = seen.head.unverified()
            self._log.warning("unsafe_unsigned", canary=manifest.digest)
            return manifest
        known = self._rules.trust()
        # A root of trust that an earlier head led to ends keys as well as one that the active bundle led to.
        trust = known if self._trust is None or known.number >= self._trust.number else self._trust
        for following in advances(trust, seen.head.trust):
            # Version by version: a key that was withdrawn is none any more, whatever else comes of it.
            self._trust = trust = following
        return admit(seen.head, trust=trust, newest=Newest(), now=self._clock.wall()).manifest

    def _same(self, manifest: Manifest | None) -> Bundle | None:
        """The content that is held, where only what is signed about it is another."""
        held = self.bundle
        if manifest is None or held is None:
            return None
        known = held.manifest
        return held.under(manifest) if (known.digest, known.parts) == (manifest.digest, manifest.parts) else None

    def _built(self, seen: Sighting, manifest: Manifest | None) -> Bundle:
        files = self._source.fetch(seen)
        bundle = build(files, max_age=self._rules.answer_max_age, previous=self.bundle)
        return bundle if manifest is None else bundle.under(manifest)

    def _tell(self, before: Bundle | None, now: Bundle, *, origin: str | None) -> None:
        if before is not None and before.manifest.digest == now.manifest.digest:
            return
        self._log.info("canary_taken", bundle=now.manifest.digest, origin=origin)
        for warning in now.compiled.warnings:
            self._log.warning("canary_policy_warning", problem=str(warning))

    def _trouble(self, error: Troubling) -> None:
        """Told once, and counted once, for each thing that is wrong."""
        trouble, known = trouble_of(error), self.standing
        self._judged = self._judging if trouble in {Trouble.REFUSED, Trouble.UNTRUSTED} else None
        self.standing = replace(known, trouble=trouble, error=str(error))
        if (known.trouble, known.error) == (trouble, str(error)):
            return
        self.failures += 1
        self._log.error("canary_not_taken", trouble=trouble.value, problems=told(error))
