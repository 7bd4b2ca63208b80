"""The account that is given of the active bundle: how it stands, and in the log what became of the source's newest."""

from dataclasses import replace

import structlog

from pdp.core.bundle.bundle import Bundle
from pdp.lifecycle.standing import Moment, Standing, Trouble, Troubling, told, trouble_of


class Account:
    """Keeps the standing, and tells what changes in it once.

    A `fresh_at` is the Unix time at which the active bundle was known to be the newest, None where nothing new is known
    of that.
    """

    def __init__(self) -> None:
        self.standing = Standing()
        self.failures_by = dict.fromkeys(Trouble, 0)
        self._log = structlog.get_logger("toolgate.lifecycle")

    def activated(self, bundle: Bundle, moment: Moment, *, before: Bundle | None, fresh_at: float) -> None:
        """`bundle` is active, after `before`."""
        self.standing = replace(self._fresh(moment, fresh_at), trouble=None, error=None, confirmed=moment.steady)
        manifest, last = bundle.manifest, None if before is None else before.manifest
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
            for warning in bundle.compiled.warnings:
                self._log.warning("policy_warning", problem=str(warning))

    def restored(self, bundle: Bundle, moment: Moment, *, fresh_at: float | None) -> None:
        """`bundle` is active, as it was before a restart."""
        self.standing = self._fresh(moment, fresh_at)
        self._log.warning("bundle_restored", bundle=bundle.manifest.digest, generation=bundle.manifest.serial)

    def not_restored(self, error: Troubling) -> None:
        """What was active before a restart cannot be used either."""
        self._log.error("bundle_not_restored", problems=told(error))

    def confirmed(self, moment: Moment, *, fresh_at: float | None) -> None:
        """The source has nothing else, and all is well."""
        self.standing = replace(self._fresh(moment, fresh_at), trouble=None, error=None, confirmed=moment.steady)

    def troubled(
        self, error: Troubling, moment: Moment, *, fresh_at: float | None, cause: Exception | None = None
    ) -> None:
        """The newest of the source is not in force; told once, and counted once, for each thing that is wrong."""
        trouble, lines = trouble_of(error), told(error)
        known, text = self.standing, "\n".join(lines)
        standing = known
        if trouble is Trouble.REFUSED:
            # It was reached, and what it has cannot be used.
            standing = replace(self._fresh(moment, fresh_at), confirmed=moment.steady)
        self.standing = replace(standing, trouble=trouble, error=text)
        if (known.trouble, known.error) != (trouble, text):
            self.failures_by[trouble] += 1
            self._log.error(trouble.value, problems=lines, exc_info=cause)

    def _fresh(self, moment: Moment, fresh_at: float | None) -> Standing:
        if fresh_at is None:
            return self.standing
        return replace(self.standing, fresh_at=fresh_at, fresh_steady=moment.steady_at(fresh_at))
