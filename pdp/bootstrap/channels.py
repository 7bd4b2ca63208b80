"""Channels by their URLs: what is read, and what can be published in."""

from pathlib import Path
from typing import Final

from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.core.settings.bundles import ChannelSettings
from pdp.lifecycle.channel import Channel, ChannelReader
from pdp.lifecycle.channel_directory import DirectoryChannel

_FILE: Final = "file:"


def open_channel(settings: ChannelSettings, *, base: Path) -> ChannelReader:
    """The channel of `settings`, whose paths are relative to `base`.

    Raises:
        ConfigurationError: its URL is none, or credentials would go over the network unprotected.
        UnusableError: its password cannot be read.

    """
    return open_writable_channel(settings, base=base)


def open_writable_channel(settings: ChannelSettings, *, base: Path) -> Channel:
    """As `open_channel`, for publishing.

    Raises:
        ConfigurationError: as `open_channel`, or a web server, which is only read.
        UnusableError: as `open_channel`.

    """
    if settings.url.startswith(_FILE):
        return DirectoryChannel(base / settings.url.removeprefix(_FILE))
    text = "publish in `file:FOLDER` or `oci://HOST/REPOSITORY`; what a web server serves is such a folder"
    raise ConfigurationError([Problem(settings.url, 0, 0, "channel_read_only", text)])
