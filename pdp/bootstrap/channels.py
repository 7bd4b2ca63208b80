"""Channels and archives, from their URLs and credentials in the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pdp.core.contract.errors import ConfigurationError, Problem, UnusableError
from pdp.core.settings.bundles import DEFAULT_ARCHIVE, ArchiveSettings, ChannelSettings
from pdp.lifecycle.archive import Archive
from pdp.lifecycle.archive_database import DatabaseArchive
from pdp.lifecycle.archive_directory import DirectoryArchive
from pdp.lifecycle.channel import Channel, ChannelReader
from pdp.lifecycle.channel_directory import DirectoryChannel
from pdp.lifecycle.credentials import Credentials, read_credentials
from pdp.lifecycle.http_channel import HttpChannel
from pdp.lifecycle.oci.archive import OciArchive
from pdp.lifecycle.oci.channel import OciChannel
from pdp.lifecycle.oci.registry import Registry
from pdp.lifecycle.oci.repository import repository_of
from pdp.lifecycle.web import Web, site
from pdp.tokens.fetch.unavailable import UnavailableError

ARCHIVE_TIMEOUT: Final = 60.0
"""Seconds for one answer of a registry that is an archive."""

_OCI: Final = ("oci:", "oci+http:")
_FOLDER: Final = "file:"


def open_channel(channel: ChannelSettings, *, base: Path, setting: str = "pdp.bundles.channel") -> ChannelReader:
    """The channel of the settings, to be read; paths are relative to `base`, problems are those of `setting`.

    Raises:
        ConfigurationError: its URL or its credentials cannot be used.

    """
    with _configured(setting):
        credentials = _credentials(channel, base)
        found = _writable(channel, credentials, base=base)
        return found or HttpChannel(site(channel.url), web=Web(timeout=channel.timeout), credentials=credentials)


def open_writable_channel(channel: ChannelSettings, *, base: Path, setting: str) -> Channel:
    """As `open_channel`, for publishing.

    Raises:
        ConfigurationError: as `open_channel`, or a web server, which is only read.

    """
    with _configured(setting):
        found = _writable(channel, _credentials(channel, base), base=base)
        if found is None:
            text = "publish in `file:FOLDER` or `oci://HOST/REPOSITORY`; what a web server serves is such a folder"
            raise UnusableError(text)
        return found


def _writable(channel: ChannelSettings, credentials: Credentials | None, *, base: Path) -> Channel | None:
    """The channel, None where it can only be read."""
    if channel.url.startswith(_FOLDER):
        return DirectoryChannel(folder_of(channel.url, base=base))
    if channel.url.startswith(_OCI):
        return OciChannel(_registry(channel.url, timeout=channel.timeout, credentials=credentials))
    return None


def open_archive(archive: ArchiveSettings, *, base: Path, state: Path) -> Archive:
    """Where bundles stay; paths are relative to `base`.

    Raises:
        ConfigurationError: its URL or its credentials cannot be used, or its file is another's.

    """
    url = archive.url
    if url is None:
        return DirectoryArchive(state / DEFAULT_ARCHIVE)
    with _configured("pdp.bundles.archive"):
        if url.startswith(_FOLDER):
            return DirectoryArchive(folder_of(url, base=base))
        if url.startswith(_OCI):
            credentials = _credentials(archive, base)
            return OciArchive(_registry(url, timeout=ARCHIVE_TIMEOUT, credentials=credentials))
        return DatabaseArchive(url, base=base)


def folder_of(url: str, *, base: Path) -> Path:
    """The folder that `url` (`file:relative`, `file:/absolute`, `file:///absolute`) names.

    Raises:
        UnusableError: it names none.

    """
    path = url.removeprefix(_FOLDER)
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path or path.startswith("//") or "\0" in path:
        raise UnusableError("write `file:FOLDER`, relative to the configuration or from the root")
    return base / path


def _registry(url: str, *, timeout: float, credentials: Credentials | None) -> Registry:
    return Registry(repository_of(url), web=Web(timeout=timeout), credentials=credentials)


def _credentials(settings: ChannelSettings | ArchiveSettings, base: Path) -> Credentials | None:
    password = None if settings.password is None else base / settings.password
    return read_credentials(user=settings.user, password=password)


@contextmanager
def _configured(setting: str) -> Iterator[None]:
    try:
        yield
    except (UnavailableError, UnusableError) as error:
        raise ConfigurationError([Problem(setting, 0, 0, "channel_unusable", str(error))]) from error
