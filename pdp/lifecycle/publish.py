"""Publishing: the eight steps from sources to decision points that use them.

(1) fetch; (2) compile; (3) test; (4) number; (5) sign; (6) archive and activate; (7) announce; (8) confirm.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.bundle.content import decode, encode
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import Manifest, manifest_of
from pdp.core.contract.clock import Clock
from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import BundleError, ToolgateError, UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.lifecycle.channel import CANARY, CURRENT, Channel
from pdp.lifecycle.channel_source import NothingPublishedError
from pdp.lifecycle.remembered import Remembered
from pdp.lifecycle.signing import Signer
from pdp.lifecycle.source import BundleSource

# Answers of a bundle that is only compiled and tested are never kept, so their age has no meaning.
_MAX_AGE = 1.0


class Step(IntEnum):
    """The steps of a publication, in their order."""

    FETCH = 1
    COMPILE = 2
    TEST = 3
    NUMBER = 4
    SIGN = 5
    ACTIVATE = 6
    ANNOUNCE = 7
    CONFIRM = 8


class FailedTestsError(ToolgateError):
    """Policy tests fail; `lines` say which and how."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("policy tests fail")


@dataclass(frozen=True, slots=True)
class Origin:
    """What is to be published: its files, where they are from, and which earlier bundle they are again."""

    files: Mapping[str, bytes]
    text: str | None = None
    rollback: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A publication that could be made: everything but that it was made."""

    manifest: Manifest
    head: Head
    content: bytes


class DecisionPoints(Protocol):
    """The decision points that should use a publication."""

    def announce(self, manifest: Manifest) -> str:
        """Have them look now; what came of it, in a line."""
        ...

    def confirm(self, manifest: Manifest) -> str:
        """Wait until they and their enforcers use it; what came of it, in a line.

        Raises:
            UnconfirmedError: some do not.

        """
        ...


class UnconfirmedError(ToolgateError):
    """It is published, and not everybody uses it yet."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes in `channel`, under its head `name`, signed by `signer`; `tell` hears of each step.

    `after` is a serial that the next one is above, whatever the channel says; `remembered` is what came before.
    INVARIANT: nothing is said to be the newest that is older than what is remembered.
    """

    channel: Channel
    signer: Signer
    clock: Clock
    tell: Callable[[Step, str], None]
    name: str = CURRENT
    after: int = 0
    remembered: Remembered = field(default_factory=Remembered)

    def prepare(self, origin: Origin, *, tests: Callable[[Bundle], str]) -> Prepared:
        """Steps 2 to 5.

        Raises:
            ConfigurationError: with every problem of the files.
            FailedTestsError: policy tests fail.
            BundleError, SourceError: what was published before cannot be had, or not believed.
            UnusableError: the keys are too few.

        """
        bundle = build(origin.files, max_age=_MAX_AGE)
        self.tell(Step.COMPILE, f"{len(bundle.compiled.policies)} policies, {len(list(bundle.catalog.tools()))} tools")
        self.tell(Step.TEST, tests(bundle))
        signer, serial = self._number()
        now, content = self.clock.wall(), encode(origin.files)
        standing = None if origin.rollback is not None else self._standing(digest_of(content), signer)
        if standing is not None:
            manifest = standing.unverified()
            self.tell(Step.NUMBER, f"serial {manifest.serial} has this content already, {manifest.digest}")
            return Prepared(manifest, self._renewed(standing, signer, now), content)
        manifest = manifest_of(
            origin.files, serial=serial, published=rfc3339(now), origin=origin.text, rollback=origin.rollback
        )
        self.tell(Step.NUMBER, f"serial {serial}, {manifest.digest}")
        head = signer.head(manifest, now=now)
        self.tell(Step.SIGN, _signed_by(head))
        return Prepared(manifest, head, content)

    def activate(self, prepared: Prepared) -> None:
        """Step 6: its content by digest, its serial for good, then the head by one replacement.

        Raises:
            BundleError: `bundle_untrusted`, it is older than what is remembered.
            ConflictError: somebody else published in the meantime.
            SourceError: it may not be published.

        """
        self.remembered.check(self.name, prepared.manifest)
        self.channel.publish(prepared.head, prepared.content, name=self.name)
        self.remembered.keep(self.name, prepared.manifest)
        self.tell(Step.ACTIVATE, f"`{self.name}` of `{self.channel.name}` is serial {prepared.manifest.serial}")

    def renew(self) -> Manifest:
        """Say that what is published is the newest still; what that is.

        Raises:
            NothingPublishedError: nothing is.
            BundleError: `bundle_untrusted`, it is not signed as it must be, or older than what is remembered.
            ConflictError, SourceError: another one was published meanwhile, or the channel cannot be used.
            UnusableError: the keys are too few.

        """
        head = self.channel.head(self.name)
        if head is None:
            raise NothingPublishedError(
                f"`{self.channel.name}` has nothing under `{self.name}`: see `toolgate publish`"
            )
        signer = self.signer.known(head)
        manifest = signer.check(head)
        self.remembered.check(self.name, manifest)
        self.channel.renew(signer.renewed(head, now=self.clock.wall()), name=self.name)
        self.remembered.keep(self.name, manifest)
        return manifest

    def promote(self) -> Prepared:
        """The canary as it was published, to be activated under another name.

        Raises:
            UnusableError: there is none.
            BundleError, SourceError: it cannot be had, or not believed.

        """
        canary = self.channel.head(CANARY)
        if canary is None:
            raise UnusableError(f"`{self.channel.name}` has no canary: see `toolgate publish --canary`")
        manifest = self.signer.known(canary).check(canary)
        self.remembered.check(CANARY, manifest)
        return Prepared(manifest, canary, self.channel.content(manifest.digest))

    def _standing(self, digest: str, signer: Signer) -> Head | None:
        """The head that says the same already, None where there is none that is signed by keys of now."""
        head = self.channel.head(self.name)
        if head is None or head.unverified().digest != digest:
            return None
        with suppress(BundleError):
            signer.check(head)
            return head
        return None

    def _renewed(self, head: Head, signer: Signer, now: float) -> Head:
        head = head if signer.trust is None else signer.renewed(head, now=now)
        self.tell(Step.SIGN, _signed_by(head))
        return head

    def _number(self) -> tuple[Signer, int]:
        """The next serial after all that was published, and who signs, by the newest root of trust."""
        signer, newest = self.signer, max(self.after, *map(self.remembered.serial, (CURRENT, CANARY)))
        for name in (CURRENT, CANARY):
            head = self.channel.head(name)
            if head is not None:
                signer = signer.known(head)
                self.remembered.check(name, head.unverified())
                # INVARIANT: a serial that nobody signed could be the last there is.
                newest = max(newest, signer.serial_of(head))
        return signer, newest + 1


def fetched(source: BundleSource) -> Origin:
    """Step 1: what `source` has now.

    Raises:
        ConfigurationError, BundleError, SourceError: as the source.

    """
    seen = source.look()
    return Origin(source.fetch(seen), seen.origin)


def earlier(channel: Channel, to: str, *, signer: Signer) -> Origin:
    """Step 1 of a rollback: the content that was published under the serial, or has the digest, `to`.

    Raises:
        UnusableError: nothing was published under it.
        BundleError: `bundle_untrusted`, it is not signed by a key that counts today.
        SourceError: it cannot be had.

    """
    if to.startswith("sha256:"):
        return Origin(decode(channel.content(to)), rollback=to)
    head = channel.of_serial(int(to)) if to.isascii() and to.isdigit() else None
    if head is None:
        raise UnusableError(f"nothing was published under `{to[:80]}`: name a serial, or a digest `sha256:...`")
    manifest = signer.known(channel.head()).check(head)
    files = decode(channel.content(manifest.digest))
    return Origin(files, text=manifest.origin, rollback=str(manifest.serial))


def _signed_by(head: Head) -> str:
    if not head.manifest.signatures:
        return "not signed"
    return f"by {', '.join(one.keyid[:19] for one in head.manifest.signatures)}, trust {len(head.trust)}"
