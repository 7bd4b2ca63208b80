"""Keys, roots of trust and publishers as tests make them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pdp.core.bundle.bundle import Bundle
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.key import KeyPair
from pdp.core.bundle.trust import PAYLOAD_TYPE, Role, Trust, advanced, document_of, trust_of
from pdp.core.contract.clock import Clock
from pdp.lifecycle.channel_directory import DirectoryChannel
from pdp.lifecycle.publish import Origin, Prepared, Publisher, Step
from pdp.lifecycle.signing import Signer

NOW = 1_800_000_000.0
FILES: Mapping[str, bytes] = {"policies/a.cedar": b'@id("all") permit (principal, action, resource);'}
OTHERS: Mapping[str, bytes] = {"policies/a.cedar": b'@id("none") forbid (principal, action, resource);'}


def key(name: str) -> KeyPair:
    """The key of that name: always the same one."""
    return KeyPair.from_seed(name.encode().ljust(32, b"."))


def root_of_trust(keys: Iterable[KeyPair]) -> Trust:
    """The first version, in which all of `keys` have every role and one of them suffices."""
    keys = list(keys)
    document = document_of(1, {role: ([one.public for one in keys], 1) for role in Role})
    return trust_of(sealed(PAYLOAD_TYPE, document.to_json(), keys=keys))


def rotated(trust: Trust, *, to: Iterable[KeyPair], by: Iterable[KeyPair]) -> Trust:
    """The next version, in which all of `to` have every role; `by` and `to` sign it."""
    to = list(to)
    document = document_of(trust.number + 1, {role: ([one.public for one in to], 1) for role in Role})
    return advanced(trust, [sealed(PAYLOAD_TYPE, document.to_json(), keys=[*by, *to])])


@dataclass
class Desk:
    """A publisher's place: a channel in `folder`, a key, and what was told of each step."""

    folder: Path
    keys: list[KeyPair] = field(default_factory=lambda: [key("one")])
    trust: Trust | None = field(default_factory=lambda: root_of_trust([key("one")]))
    told: list[tuple[Step, str]] = field(default_factory=list)
    now: float = NOW

    @property
    def channel(self) -> DirectoryChannel:
        return DirectoryChannel(self.folder)

    def publisher(self, **changes: object) -> Publisher:
        clock = Clock(lambda: self.now, lambda: self.now, bytes)
        given = {"clock": clock, "tell": lambda step, text: self.told.append((step, text)), **changes}
        return Publisher(self.channel, Signer(self.keys, self.trust), **given)  # type: ignore[arg-type]

    def publish(
        self, files: Mapping[str, bytes] = FILES, *, rollback: str | None = None, **changes: object
    ) -> Prepared:
        publisher = self.publisher(**changes)
        prepared = publisher.prepare(Origin(files, rollback=rollback), tests=passing)
        publisher.activate(prepared)
        return prepared


def passing(bundle: Bundle) -> str:
    """Policy tests that pass."""
    return "all passed"
