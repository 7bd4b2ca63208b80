"""What spools have in common in the settings."""

from pydantic import Field

from pdp.core.settings.section import Seconds, Section


class SpoolSettings(Section):
    """A spool: how many bytes may wait in it, how long a record waits for room, how soon it is on the disk."""

    max_bytes: int = Field(default=256 * 1024 * 1024, gt=0)
    max_wait: Seconds = "2s"  # type: ignore[assignment]
    sync_interval: Seconds = "200ms"  # type: ignore[assignment]
