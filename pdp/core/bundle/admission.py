"""Which bundle may come after which: every rule, and no IO. As TUF's client, it only ever goes forward."""

import msgspec

from pdp.core.bundle import freshness as statements
from pdp.core.bundle import manifest as manifests
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.freshness import Freshness
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import Manifest
from pdp.core.bundle.trust import Role, Trust, advanced
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode


class Newest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest bundle that was ever believed here; serial 0 before the first."""

    serial: int = 0
    digest: str = ""

    def check(self, serial: int, digest: str) -> None:
        """Pass what is newer, or the same.

        Raises:
            BundleError: `bundle_untrusted`.

        """
        if serial < self.serial:
            text = f"serial {serial} is older than {self.serial}, which was in force here: publish it anew to roll back"
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, text)
        if serial == self.serial and digest != self.digest:
            text = f"serial {serial} is {digest} here and was {self.digest} before: two bundles have one serial"
            raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, text)


class Admitted(msgspec.Struct, frozen=True):
    """A manifest that may be believed: when it was last known to be the newest (Unix seconds), under which trust."""

    manifest: Manifest
    fresh_at: float | None
    trust: Trust


def admit(head: Head, *, trust: Trust, newest: Newest, now: float) -> Admitted:
    """The manifest in `head`, where it may come after `newest`; `now` is Unix time.

    Raises:
        BundleError: `bundle_untrusted`.

    """
    # (1) the keys of now: a version that no longer lists a key ends it, also for what it signed before
    trust = advanced(trust, head.trust)
    # (2) who signed the manifest
    trust.check(Role.BUNDLE, head.manifest)
    manifest = Manifest.from_json(head.manifest.unverified(manifests.PAYLOAD_TYPE))
    # (3) never back, and never two for one
    newest.check(manifest.serial, manifest.digest)
    # (4) that it is the newest
    fresh_at = None if head.freshness is None else _fresh_at(head.freshness, manifest, trust=trust, now=now)
    return Admitted(manifest, fresh_at, trust)


def _fresh_at(envelope: Envelope, manifest: Manifest, *, trust: Trust, now: float) -> float:
    trust.check(Role.FRESHNESS, envelope)
    return Freshness.from_json(envelope.unverified(statements.PAYLOAD_TYPE)).check(manifest, now=now)
