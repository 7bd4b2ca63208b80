"""Decision points that are asked over their administration: told to look, watched until they and enforcers follow."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from pdp.cli.admin_client import AdminClient, read_answer
from pdp.core.bundle.manifest import Manifest
from pdp.lifecycle.publish import UnconfirmedError

OPTION: Final = "--pdp"

_STATUS: Final = "/admin/v1/status"
_REFRESH: Final = "/admin/v1/bundle/refresh"
_PAUSE: Final = 1.0
"""Seconds between two looks."""
_RECENT: Final = 60_000
"""An enforcer that was not heard of for so many milliseconds is not waited for."""


class _Confirmed(msgspec.Struct, frozen=True):
    """The generation that an enforcer said it uses, and how long ago."""

    generation: int
    age_ms: int


class _Status(msgspec.Struct, frozen=True):
    """What is read of a decision point's status."""

    generation: int
    bundle: str
    bundle_error: str | None = None
    enforcers: dict[str, _Confirmed] = {}


class AdministeredPoints:
    """The decision points whose administrations are at `urls`; `wait` is for how many seconds they are waited for."""

    def __init__(self, urls: Sequence[str], *, environ: Mapping[str, str], wait: float) -> None:
        self._clients = {url: AdminClient(url, environ=environ, option=OPTION) for url in urls}
        self._wait = wait

    def announce(self, manifest: Manifest) -> str:  # noqa: ARG002 - they look for themselves
        """Have each of them look now."""
        if not self._clients:
            return f"to nobody: decision points look by themselves, or are named with `{OPTION}`"
        for client in self._clients.values():
            client.ask("POST", _REFRESH)
        return f"to {_counted(len(self._clients), 'decision point')}"

    def confirm(self, manifest: Manifest) -> str:
        """Wait until each of them, and each enforcer that was heard of lately, uses `manifest` or what came after.

        Raises:
            UnconfirmedError: that takes too long.

        """
        if not self._clients:
            return f"by nobody: see `{OPTION}`"
        until = time.monotonic() + self._wait
        while True:
            behind, enforcers = self._behind(manifest)
            if not behind:
                return f"by {_counted(len(self._clients), 'decision point')} and {_counted(enforcers, 'enforcer')}"
            if time.monotonic() >= until:
                raise UnconfirmedError(f"published, but not used yet by {'; '.join(behind)}")
            time.sleep(_PAUSE)

    def _behind(self, manifest: Manifest) -> tuple[list[str], int]:
        """Who does not use it yet, and how many enforcers there are."""
        behind: list[str] = []
        enforcers = 0
        for url, client in self._clients.items():
            status = read_answer(client.ask("GET", _STATUS), _Status)
            if status.generation < manifest.serial:
                behind.append(f"`{url}` (serial {status.generation}, {status.bundle_error or 'no trouble told'})")
            recent = {name: one for name, one in status.enforcers.items() if one.age_ms <= _RECENT}
            enforcers += len(recent)
            behind += [f"enforcer `{name}`" for name, one in recent.items() if one.generation < manifest.serial]
        return behind, enforcers


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
