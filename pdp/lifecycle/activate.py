"""Activation: one reference swap, and only of what compiled whole; the last good bundle stays otherwise."""

from collections.abc import Mapping

import structlog

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.bundle.manifest import content_digest
from pdp.core.contract.errors import ConfigurationError
from pdp.lifecycle.serial import SerialRegister
from pdp.lifecycle.source import BundleSource


class ActiveBundle:
    """Holds the bundle that decides now."""

    def __init__(self, source: BundleSource, *, serials: SerialRegister, max_age: float) -> None:
        self._source = source
        self._serials = serials
        self._max_age = max_age
        self._bundle: Bundle | None = None
        self._log = structlog.get_logger("toolgate.lifecycle")
        self._seen: str | None = None
        self.last_error: str | None = None
        self.failures = 0

    @property
    def bundle(self) -> Bundle:
        """The active bundle.

        Raises:
            RuntimeError: `activate` has not succeeded yet.

        """
        if self._bundle is None:
            raise RuntimeError("no bundle is active")
        return self._bundle

    def activate(self) -> None:
        """Fetch the sources and, where they changed, make them the active bundle.

        Raises:
            ConfigurationError: with every problem; whatever was active stays active.

        """
        sources = self._source.fetch()
        digest = content_digest(sources)
        if self._bundle is not None and digest == self._bundle.manifest.digest:
            self.last_error = None
            return
        fresh = self._build(sources)
        # INVARIANT: this assignment is the activation; no request sees half of two bundles.
        self._bundle = fresh
        self.last_error = None
        self._log.info("bundle_activated", bundle=digest, generation=fresh.manifest.serial)
        for warning in fresh.compiled.warnings:
            self._log.warning("policy_warning", problem=str(warning))

    def refresh(self) -> None:
        """As `activate` where the sources may have changed; on a problem the last good bundle stays.

        The problem is logged once, and counted once for each state of the sources.
        """
        seen = self._source.fingerprint()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self.activate()
        except ConfigurationError as error:
            self.failures += 1
            known, self.last_error = self.last_error, str(error)
            if known != self.last_error:
                self._log.error("bundle_refused", problems=[str(problem) for problem in error.problems])

    def _build(self, sources: Mapping[str, bytes]) -> Bundle:
        """Compile before a serial is taken, so that what is refused uses none up."""
        trial = build(sources, max_age=self._max_age, previous=self._bundle)
        trial.prepare()
        return trial.numbered(self._serials.serial_of(trial.manifest.digest))
