"""The port to where bundles come from: one look, and the files where there is something new."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pdp.core.bundle.head import Head
from pdp.core.contract.errors import ToolgateError


class SourceError(ToolgateError):
    """The source cannot be reached or read now; that says nothing about what is in force."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a source has now, before its files are read.

    Two sightings with equal `state` have the same files. `origin` says where these are from, for people. `serial` is
    the number that the source itself gives them, where it does. `head` goes with a channel: manifest and signatures.
    """

    state: str
    origin: str | None = None
    serial: int | None = None
    head: Head | None = None


class BundleSource(Protocol):
    """Somewhere with bundles; its methods block, and are called by one thread at a time."""

    @property
    def name(self) -> str:
        """What the source is called in logs and health: an URL or path, without credentials."""
        ...

    def look(self) -> Sighting:
        """What is there now; much cheaper than `fetch`.

        Raises:
            SourceError: that cannot be said now.
            ConfigurationError: what is there cannot be a source.
            BundleError: what is there must not be believed.

        """
        ...

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        """Every file of what `look` saw: its path, `policies/...` or `schemas/...`, to its bytes.

        Raises:
            SourceError: it cannot be had now, or not whole.
            ConfigurationError: with every file that a bundle cannot have.
            BundleError: it is not what was seen.

        """
        ...
