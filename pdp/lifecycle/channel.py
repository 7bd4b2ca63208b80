"""The port to channels: where a publisher puts signed bundles, and decision points look for them."""

from typing import Final, Protocol

from pdp.core.bundle.head import Head
from pdp.core.contract.digest import is_digest
from pdp.core.contract.errors import BundleError, ToolgateError, UnusableError
from pdp.core.contract.reason_code import ReasonCode

CURRENT: Final = "current"
"""The name of the head that is in force."""
CANARY: Final = "canary"
"""The name of the head that is tried beside it."""


class ConflictError(ToolgateError):
    """Somebody else published in the meantime."""


class ChannelReader(Protocol):
    """Reads a channel; its methods block."""

    @property
    def name(self) -> str:
        """Its URL, without credentials."""
        ...

    def head(self, name: str = CURRENT) -> Head | None:
        """The head of that name as it is now, None where nothing was published under it.

        Raises:
            SourceError: that cannot be said now.
            BundleError: `bundle_untrusted`, what is there is no head.

        """
        ...

    def of_serial(self, serial: int) -> Head | None:
        """What was published under `serial`, None where that was never done.

        Raises:
            SourceError, BundleError: as `head`.

        """
        ...

    def content(self, digest: str) -> bytes:
        """The content with that digest, checked.

        Raises:
            SourceError: it cannot be had now, or not whole.
            BundleError: `bundle_untrusted`, it has another digest or is over the limit.

        """
        ...


class Channel(ChannelReader, Protocol):
    """Reads and writes a channel."""

    def publish(self, head: Head, content: bytes, *, name: str = CURRENT) -> None:
        """Put `content`, then what is signed about it under its serial for good, then make it the head of that name.

        Raises:
            ConflictError: its serial is taken.
            SourceError: it may not be published.

        """
        ...

    def renew(self, head: Head, *, name: str = CURRENT) -> None:
        """Replace the head of that name by one with the same manifest.

        Raises:
            ConflictError: it has another manifest by now.
            SourceError: it may not be replaced.

        """
        ...


def head_name(name: str) -> str:
    """`name`, which must be that of a head.

    Raises:
        UnusableError: no head has such a name.

    """
    if name not in {CURRENT, CANARY}:
        raise UnusableError(f"a channel has the heads `{CURRENT}` and `{CANARY}`")
    return name


def head_path(name: str) -> str:
    """Where a head is, in a channel of files.

    Raises:
        UnusableError: as `head_name`.

    """
    return f"{head_name(name)}.json"


def serial_path(serial: int) -> str:
    """Where what was published under `serial` is, in a channel of files."""
    return f"serials/{serial}.json"


def content_path(digest: str) -> str:
    """Where the content with that digest is, in a channel of files.

    Raises:
        BundleError: `bundle_untrusted`, it is no digest.

    """
    if not is_digest(digest):
        raise BundleError(ReasonCode.BUNDLE_UNTRUSTED, "this is no digest of a bundle")
    return f"contents/{digest.replace(':', '-')}.json"
