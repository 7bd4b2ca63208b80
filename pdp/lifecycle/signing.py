"""What a publisher signs with: keys, and the root of trust that says which of them count for what."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pdp.core.bundle import freshness as statements
from pdp.core.bundle import manifest as manifests
from pdp.core.bundle.envelope import Envelope, sealed
from pdp.core.bundle.freshness import freshness_of
from pdp.core.bundle.head import Head
from pdp.core.bundle.key import KeyPair
from pdp.core.bundle.manifest import Manifest
from pdp.core.bundle.trust import Role, Trust, advanced, trust_along
from pdp.core.contract.errors import BundleError, UnusableError


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs heads so that whoever trusts `trust` believes them; without `trust`, signs nothing at all."""

    keys: Sequence[KeyPair]
    trust: Trust | None

    def known(self, head: Head | None) -> "Signer":
        """The signer with the newest root of trust that its own and `head` lead to.

        Raises:
            BundleError: `bundle_untrusted`, it leads nowhere.

        """
        if self.trust is None or head is None:
            return self
        return Signer(self.keys, advanced(self.trust, head.trust))

    def check(self, head: Head) -> Manifest:
        """The manifest in `head`, which must be signed as the root of trust says.

        Raises:
            BundleError: `bundle_untrusted`.

        """
        if self.trust is not None:
            self.trust.check(Role.BUNDLE, head.manifest)
        return head.unverified()

    def serial_of(self, head: Head) -> int:
        """The serial of `head`, which some version of the root of trust must have vouched for.

        A key that was withdrawn since has signed what is replaced now.

        Raises:
            BundleError: `bundle_untrusted`.

        """
        versions = () if self.trust is None else self.trust.chain
        for number in range(1, len(versions)):
            with suppress(BundleError):
                return Signer((), trust_along(versions[:number])).check(head).serial
        return self.check(head).serial

    def head(self, manifest: Manifest, *, now: float) -> Head:
        """A head that says `manifest`, and that it is the newest at Unix time `now`.

        Raises:
            UnusableError: the keys are too few for that.

        """
        if self.trust is None:
            return Head(sealed(manifests.PAYLOAD_TYPE, manifest.to_json()))
        envelope = self._signed(Role.BUNDLE, manifests.PAYLOAD_TYPE, manifest.to_json())
        return self.renewed(Head(envelope, trust=self.trust.chain), now=now)

    def renewed(self, head: Head, *, now: float) -> Head:
        """`head` with a statement that its bundle is the newest at Unix time `now`.

        Raises:
            UnusableError: the keys are too few for that.

        """
        statement = freshness_of(head.unverified(), now=now)
        envelope = self._signed(Role.FRESHNESS, statements.PAYLOAD_TYPE, statement.to_json())
        return Head(head.manifest, envelope, head.trust)

    def _signed(self, role: Role, payload_type: str, payload: bytes) -> Envelope:
        if self.trust is None:
            raise UnusableError("without a root of trust nothing can be signed: name one with `--trust`")
        wanted = self.trust.document.roles[role]
        keys = [key for key in self.keys if key.public.id in wanted.keys]
        if len({key.public.id for key in keys}) < wanted.threshold:
            text = f"trust {self.trust.number} wants {wanted.threshold} of these keys for `{role}`"
            raise UnusableError(f"{text}, name them with `--key`: {', '.join(name[:19] for name in wanted.keys)}")
        return sealed(payload_type, payload, keys=keys)
