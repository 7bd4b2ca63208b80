"""A channel as a source of bundles."""

from collections.abc import Mapping

from pdp.core.bundle.head import checked_files
from pdp.core.contract.digest import digest_of
from pdp.lifecycle.channel import CURRENT, ChannelReader
from pdp.lifecycle.source import Sighting, SourceError


class NothingPublishedError(SourceError):
    """The channel is there, and empty."""


class ChannelSource:
    """What is published in `channel` under the name `head`; who signed it is for activation to check."""

    def __init__(self, channel: ChannelReader, *, head: str = CURRENT) -> None:
        self._channel = channel
        self._head = head

    @property
    def name(self) -> str:
        """The channel's."""
        return self._channel.name

    def look(self) -> Sighting:
        """The head of the channel.

        Raises:
            SourceError: it cannot be had now; NothingPublishedError where there is none.
            BundleError: what is there is no head.

        """
        head = self._channel.head(self._head)
        if head is None:
            raise NothingPublishedError(f"nothing was published in `{self.name}` yet: see `toolgate publish`")
        manifest = head.unverified()
        return Sighting(digest_of(head.to_json()), manifest.origin, manifest.serial, head)

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        """The files that the head is about, each as its manifest says.

        Raises:
            SourceError: they cannot be had now, or not whole.
            BundleError: they are others.

        """
        if seen.head is None:
            raise SourceError("a channel's bundle has a head")
        manifest = seen.head.unverified()
        return checked_files(manifest, self._channel.content(manifest.digest))
