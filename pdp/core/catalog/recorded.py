"""What a record has of a call's arguments: as they are, hashed, or nothing; secrets never.

It stands here because the catalog says most of it. The strictest of what is said counts, and a secret stays
masked whatever else is said of it.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pdp.core.catalog.marks import Steps, changed_at, pointer_to, removed_at, steps_of
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.digest import digest_of
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record_terms import NotReplayable, Recording, Withheld, strictest

MAX_ARGUMENT_BYTES: Final = 256 * 1024
"""Of the arguments in a record, in canonical JSON; larger ones are left out."""
SECRET: Final = "[secret]"  # noqa: S105 - what stands in its place
HMAC: Final = "hmac"
"""The one member of what stands for a hashed value."""

_EVERYTHING: Final = ""
_REASONS: Final[Mapping[Withheld, NotReplayable]] = {
    Withheld.TOO_LARGE: NotReplayable.ARGUMENTS_TOO_LARGE,
    Withheld.DROPPED: NotReplayable.ARGUMENTS_DROPPED,
    Withheld.HASHED: NotReplayable.ARGUMENTS_HASHED,
    Withheld.MASKED: NotReplayable.ARGUMENTS_MASKED,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """The arguments as a record has them; `withheld` has the places (JSON Pointers) that are not what they were.

    `digest` is `sha256:` over the canonical JSON of arguments that are all there, `hmac-sha256:` over what the key
    may cover of others, None where it could be guessed from.
    """

    arguments: dict[str, Any] | None
    digest: str | None = None
    withheld: dict[str, Withheld] = field(default_factory=dict)

    @property
    def not_replayable(self) -> NotReplayable | None:
        """Why a decision cannot be made again from it, None where it can."""
        found = set(self.withheld.values())
        return next((reason for withheld, reason in _REASONS.items() if withheld in found), None)


def recorded(tool: Tool, arguments: Mapping[str, Any], *, at_least: Recording, key: bytes) -> Recorded:
    """`arguments` of a call of `tool` as its record may have them; `key` makes the HMACs."""
    recording = strictest(at_least, tool.record)
    if recording is Recording.DROP:
        return Recorded(None, withheld={_EVERYTHING: Withheld.DROPPED})
    cover = _Cover(arguments)
    cover.apply(tool, recording, key)
    content = canonical(cover.value)
    names = len(canonical(cover.withheld)) if cover.withheld else 0
    if len(content) + names > MAX_ARGUMENT_BYTES:
        return Recorded(None, _keyed(cover.hashable, key), {_EVERYTHING: Withheld.TOO_LARGE})
    if not cover.withheld:
        return Recorded(cover.value, digest_of(content))
    is_keyed = Withheld.HASHED in cover.withheld.values()
    return Recorded(cover.value, _keyed(cover.hashable, key) if is_keyed else None, cover.withheld)


class _Cover:
    """Arguments while places in them are covered, and which were.

    INVARIANT: `hashable` is without what is dropped and without secrets, so that no HMAC, whoever has its key,
    says anything of these.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self.value: dict[str, Any] = dict(arguments)
        self.hashable = self.value
        self.withheld: dict[str, Withheld] = {}

    def apply(self, tool: Tool, recording: Recording, key: bytes) -> None:
        """Drop, mask and hash what `tool` says, and hash all of it where `recording` says so."""
        if recording is Recording.KEEP and not tool.record_arguments and Mark.SECRET not in tool.marks.values():
            return
        for steps in _places(tool, Recording.DROP):
            if _is_at(self.value, steps):
                self.value = removed_at(self.value, steps)
                self.withheld[pointer_to(steps)] = Withheld.DROPPED
        for argument, mark in tool.marks.items():
            if mark is Mark.SECRET:
                self._change(steps_of(argument), Withheld.MASKED, lambda _: SECRET)
        self.hashable = self.value
        hashed = [(name,) for name in self.value] if recording is Recording.HASH else _places(tool, Recording.HASH)
        for steps in hashed:
            if self.withheld.get(pointer_to(steps)) is not Withheld.MASKED:
                self._change(steps, Withheld.HASHED, lambda value: _hashed(value, key))

    def _change(self, steps: Steps, withheld: Withheld, change: Callable[[Any], Any]) -> None:
        if _is_at(self.value, steps):
            self.value = changed_at(self.value, steps, change)
            self.withheld[pointer_to(steps)] = withheld


def _places(tool: Tool, recording: Recording) -> Iterator[Steps]:
    return (steps_of(key) for key, one in tool.record_arguments.items() if one is recording)


def _is_at(value: Any, steps: Steps) -> bool:
    """Whether there is anything at `steps`."""
    met: list[Any] = []
    changed_at(value, steps, met.append)
    return bool(met)


def _hashed(value: Any, key: bytes) -> dict[str, str]:
    return {HMAC: f"sha256:{hmac.digest(key, canonical(value), 'sha256').hex()}"}


def _keyed(value: Any, key: bytes) -> str:
    return f"hmac-sha256:{hmac.digest(key, canonical(value), 'sha256').hex()}"
