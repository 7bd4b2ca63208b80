"""Any sequence of publishing, breaking, attacking and restarting, beside a model of what must come of it.

The invariants are those of the cache contract: a generation never goes back, one serial has one digest, and nothing
decides that was not signed by a key which the newest root of trust ever seen lists, or that is older than it may be.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.head import Head
from pdp.core.bundle.trust import trust_of
from pdp.core.contract.errors import ToolgateError
from pdp.lifecycle.archive import ArchiveError
from pdp.lifecycle.source import SourceError
from tests.signed_bundles import document, head_of, signed_trust
from tests.unit.lifecycle.scene import Scene, broken, files

MAX_AGE = 60.0
NAMES = st.sampled_from(["red", "green", "blue"])
STRANGER = 0


@dataclass(frozen=True)
class Offer:
    """A head: its serial, the policy that decides by it (none: it is broken), and the version whose key signed it."""

    head: Head
    serial: int
    name: str | None
    version: int
    stated: float
    chain_to: int


class Lifecycle(RuleBasedStateMachine):
    """Root of trust `n` lists the bundle key `bundle-n` and no other; the statement's key stays the same."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.scene = Scene(self.folder / "state", max_age=MAX_AGE, trust=None)
        first = document(1, bundle=["bundle-1"])
        self.scene.trust = trust = trust_of(signed_trust(first))
        assert trust.number == 1
        self.version, self.serial = 1, 0
        self.offers: list[Offer] = []
        # What must be in force, by the model.
        self.active: Offer | None = None
        self.settled: Offer | None = None
        self.refused: Offer | None = None
        self.known: float | None = None
        self.seen_trust = 1
        self.trouble: str | None = None
        self.generations: dict[int, str] = {}
        self.publish("red")
        self.scene.start()
        self._look()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def _offer(self, serial: int, name: str | None, version: int, *, by: str, chain_to: int) -> None:
        chain: list[Envelope] = [
            signed_trust(document(number, bundle=[f"bundle-{number}"])) for number in range(2, chain_to + 1)
        ]
        content = broken(str(serial)) if name is None else files(name)
        head = head_of(content, serial=serial, now=self.scene.time.wall, by=[by], chain=chain)
        self.scene.channel.put(head, content)
        self.offers.append(Offer(head, serial, name, version, self.scene.time.wall, chain_to))
        self.current = self.offers[-1]

    @rule(name=st.one_of(NAMES, st.none()))
    def publish(self, name: str | None) -> None:
        self.serial += 1
        self._offer(self.serial, name, self.version, by=f"bundle-{self.version}", chain_to=self.version)

    @rule()
    def rotate(self) -> None:
        """The publisher withdraws its key, and signs what is the newest with the next one."""
        self.version += 1
        newest = next(one for one in reversed(self.offers) if one.serial == self.serial and one.version)
        self._offer(self.serial, newest.name, self.version, by=f"bundle-{self.version}", chain_to=self.version)

    @rule()
    def renew(self) -> None:
        newest = next(one for one in reversed(self.offers) if one.serial == self.serial and one.version)
        self._offer(self.serial, newest.name, self.version, by=f"bundle-{self.version}", chain_to=self.version)

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        self.current = data.draw(st.sampled_from(self.offers))
        self.scene.channel.heads["current"] = self.current.head

    @rule(name=NAMES, ahead=st.integers(-1, 2), with_chain=st.booleans())
    @precondition(lambda self: self.version > 1)
    def use_a_withdrawn_key(self, name: str, ahead: int, with_chain: bool) -> None:  # noqa: FBT001 - drawn
        stolen = self.version - 1
        chain_to = self.version if with_chain else 1
        self._offer(max(1, self.serial + ahead), name, stolen, by=f"bundle-{stolen}", chain_to=chain_to)

    @rule(name=NAMES)
    def sign_as_a_stranger(self, name: str) -> None:
        self._offer(self.serial + 1, name, STRANGER, by="stranger", chain_to=self.version)

    @rule()
    def go_away_or_come_back(self) -> None:
        self.scene.channel.away = None if self.scene.channel.away else SourceError("nobody answers")

    @rule()
    def break_or_mend_the_archive(self) -> None:
        self.scene.archive.broken = None if self.scene.archive.broken else ArchiveError("the disk is full")

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.scene.time.passes(seconds)

    @rule()
    def look(self) -> None:
        self.scene.look()
        self._look()

    @rule()
    def restart(self) -> None:
        self.scene.start()
        self._restarted()

    def _restarted(self) -> None:
        before, self.active = self.active, None
        self.settled = self.refused = self.known = None
        self._look()
        if self.active is None:
            assert before is not None
            self.active = before
            self.known = before.stated if before.version == self.seen_trust else None

    @rule(name=st.sampled_from(["serial.json", "trust.json", "active.json", "content"]), data=st.data())
    def restart_on_a_changed_state(self, name: str, data: st.DataObject) -> None:
        (content,) = self.scene.state.glob("active.*.json")
        path = content if name == "content" else self.scene.state / name
        if not path.exists():
            return
        before = path.read_bytes()
        at = data.draw(st.integers(0, len(before) - 1))
        path.write_bytes(data.draw(st.sampled_from([before[:at], before[:at] + b"\xff" + before[at + 1 :], b"{}"])))
        try:
            self.scene.start()
        except ToolgateError:
            path.write_bytes(before)
            self.scene.start()
        self._restarted()

    def _look(self) -> None:
        """What must have come of one look."""
        self.trouble = self._judged()

    def _judged(self) -> str | None:
        offer, scene = self.current, self.scene
        if scene.channel.away is not None:
            return "source_unavailable"
        if self.settled is not None and offer.head == self.settled.head:
            return None
        if self.refused is not None and offer.head == self.refused.head:
            return "bundle_refused"
        self.seen_trust = max(self.seen_trust, offer.chain_to)
        if offer.version != self.seen_trust or self._goes_back(offer):
            return "bundle_untrusted"
        active = self.active
        is_same = active is not None and (offer.serial, offer.name) == (active.serial, active.name)
        if is_same and active is not None and active.version == offer.version and offer.stated < (self.known or 0.0):
            self.settled = offer
            return None
        if offer.name is None:
            self.refused = offer
            return "bundle_refused"
        if scene.archive.broken is not None and (active is None or offer.name != active.name):
            return "bundle_unkept"
        self.active = self.settled = offer
        self.refused, self.known = None, offer.stated
        assert self.generations.setdefault(offer.serial, offer.name) == offer.name
        return None

    def _goes_back(self, offer: Offer) -> bool:
        newest = max(self.generations, default=0)
        return offer.serial < newest or (offer.serial == newest and offer.name != self.generations.get(newest))

    @invariant()
    def what_decides_is_what_the_model_says(self) -> None:
        if getattr(self, "active", None) is None:
            return
        assert self.active is not None
        assert self.scene.in_force() == (self.active.serial, self.active.name)
        assert self.scene.trouble() == self.trouble
        assert self.active.serial == max(self.generations)
        age = float("inf") if self.known is None else self.scene.time.wall - self.known
        assert (self.scene.active.age(), self.scene.is_stale()) == (age, age > MAX_AGE)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
