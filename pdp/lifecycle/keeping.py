"""What is kept: every bundle in the archive, and the active one where a restart finds it."""

import structlog

from pdp.core.bundle.admission import Newest
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import PAYLOAD_TYPE
from pdp.lifecycle.archive import Archive, ArchiveError, expired
from pdp.lifecycle.builds import Build
from pdp.lifecycle.state import BundleState


class Keeping:
    """Keeps bundles in `state` and `archive`, there for `keep` seconds after they were replaced."""

    def __init__(self, state: BundleState, archive: Archive, *, keep: float) -> None:
        self._state = state
        self._archive = archive
        self._keep = keep
        self._log = structlog.get_logger("toolgate.lifecycle")

    def keep(self, built: Build, head: Head | None, *, active: Newest, now: float) -> Head:
        """Keep what becomes active next, at Unix time `now`; what is signed about it, or would be.

        Raises:
            BundleError: `bundle_untrusted`, it is a step back, or another with the same serial.
            ArchiveError: it cannot be archived.
            StateError: the state cannot be read or written.

        """
        manifest, content = built.bundle.manifest, built.content
        if content is not None:
            self._archive.put(manifest.digest, content, now=now)
        if head is None and manifest.serial == 0:
            head = self._state.keep_numbered(manifest, content, active=active)
        else:
            head = head or Head(sealed(PAYLOAD_TYPE, manifest.to_json()))
            self._state.keep(head, content, active=active)
        return head

    def retire(self, active: str, *, now: float) -> None:
        """Let go of what was replaced long ago, but never of the content with the digest `active`.

        That it cannot be done is nothing to refuse a bundle for.
        """
        try:
            for digest in list(expired(self._archive.entries(), keep=self._keep, now=now)):
                if digest != active:
                    self._archive.remove(digest)
                    self._log.info("bundle_retired", bundle=digest)
        except ArchiveError as error:
            self._log.warning("bundle_not_retired", cause=str(error))
