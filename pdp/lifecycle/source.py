"""The port to where a bundle's sources come from."""

from collections.abc import Mapping
from typing import Protocol


class BundleSource(Protocol):
    """Somewhere with `policies/` and `schemas/`."""

    def fingerprint(self) -> str:
        """Differs whenever `fetch` may return something else; much cheaper than that."""
        ...

    def fetch(self) -> Mapping[str, bytes]:
        """Every source file: its path, `policies/...` or `schemas/...`, to its bytes.

        Raises:
            ConfigurationError: it cannot be read whole.

        """
        ...
