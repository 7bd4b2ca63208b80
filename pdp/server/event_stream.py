"""Events as text (`text/event-stream`, WHATWG HTML section 9.2), and the ids by which a listener goes on."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from pdp.core.contract.event import EventKind, GenerationEvent, Heartbeat, RevocationsEvent

MEDIA_TYPE: Final = b"text/event-stream"
RETRY_MS: Final = 1000
"""After how many milliseconds a listener comes back."""
OPENING: Final = f"retry: {RETRY_MS}\n\n".encode()

_ID: Final = re.compile(r"([0-9]{1,16})?-([0-9]{1,16})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Known:
    """What a listener knows: the numbers of a generation and of a change of revocations, None where it knows none."""

    generation: int | None = None
    revocations: int | None = None

    def __str__(self) -> str:
        return "-".join("" if one is None else str(one) for one in (self.generation, self.revocations))


def known_by(event_id: str | None) -> Known:
    """What somebody knows whose last event had that id; nothing, where it is no id of ours."""
    match = None if event_id is None else _ID.fullmatch(event_id)
    return Known() if match is None else Known(*(None if one is None else int(one) for one in match.groups()))


@dataclass(frozen=True)
class Snapshot:
    """What is in force at one time; each text is made once, whoever it is for."""

    generation: GenerationEvent | None
    revocations: int

    @property
    def known(self) -> Known:
        """What somebody knows who was told all of it."""
        return Known(None if self.generation is None else self.generation.generation, self.revocations)

    def since(self, known: Known) -> bytes:
        """The events for somebody who knows that; none for what is the same.

        INVARIANT: an id never says more than what was told up to there, wherever the stream breaks.
        """
        is_new_generation = self.generation is not None and known.generation != self.known.generation
        if known.revocations == self.revocations:
            return self._generation if is_new_generation else b""
        return self._both if is_new_generation else self._revocations

    def heartbeat(self, beat: Heartbeat) -> bytes:
        """The event `beat`, for those who were told all of this."""
        return _event(EventKind.HEARTBEAT, beat, known=self.known)

    @cached_property
    def _generation(self) -> bytes:
        return _event(EventKind.GENERATION, self.generation, known=self.known)

    @cached_property
    def _revocations(self) -> bytes:
        return _event(EventKind.REVOCATIONS, RevocationsEvent(self.revocations), known=self.known)

    @cached_property
    def _both(self) -> bytes:
        return _event(EventKind.GENERATION, self.generation, known=Known(self.known.generation)) + self._revocations


def _event(kind: EventKind, data: msgspec.Struct | None, *, known: Known) -> bytes:
    """One event; JSON has no line breaks, so its data is one line."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), str(known).encode(), msgspec.json.encode(data))
