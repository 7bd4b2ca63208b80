"""What a decision point tells its enforcers as it happens, over a stream of events.

Each event is the state, not a change of it: whoever has the newest of each kind has missed nothing.
"""

from enum import StrEnum

import msgspec


class EventKind(StrEnum):
    """The kinds of events."""

    GENERATION = "generation"
    REVOCATIONS = "revocations"
    HEARTBEAT = "heartbeat"


class GenerationEvent(msgspec.Struct, frozen=True):
    """The active generation: the digests of its bundle, and of its catalog and claims mapping on the wire."""

    generation: int
    bundle: str
    catalog: str
    mapping: str


class RevocationsEvent(msgspec.Struct, frozen=True):
    """The number of the newest change to what is revoked."""

    sequence: int


class Heartbeat(msgspec.Struct, frozen=True):
    """What is in force, and how many milliseconds ago it was last confirmed: None where it never was.

    `generation` is None while there is none. `trouble` says why the newest bundle is not in force.
    """

    generation: int | None
    revocations: int
    source_age_ms: int | None
    revocations_age_ms: int | None
    trouble: str | None
