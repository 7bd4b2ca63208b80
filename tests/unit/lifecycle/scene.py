"""A decision point's bundles in memory: a channel that a test fills, an archive that may fail, clocks that it sets."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog.testing

from pdp.core.bundle.content import encode
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.head import Head
from pdp.core.bundle.trust import Trust
from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, Subject, ToolgateAnswer
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from pdp.lifecycle.activate import ActiveBundle, BundleRules
from pdp.lifecycle.archive import Archived, ArchiveError, NotArchivedError
from pdp.lifecycle.channel import CURRENT
from pdp.lifecycle.channel_source import ChannelSource
from pdp.lifecycle.source import BundleSource, SourceError
from pdp.lifecycle.state import BundleState
from tests.signed_bundles import NOW, first_trust, head_of
from tests.snapshots import tool_path, tool_snapshot

SNAPSHOT = {tool_path("git", "log"): tool_snapshot({"name": "log", "inputSchema": {"type": "object"}})}
BROKEN = b"permit (principal"
QUESTION = EvaluationRequest(Subject("user", "corp|alice"), Action("tools/call"), Resource("tool", "git/log"))


def files(name: str) -> dict[str, bytes]:
    """A bundle by which the policy of that name decides."""
    return {"policies/a.cedar": f'@id("{name}") permit (principal, action, resource);'.encode(), **SNAPSHOT}


def broken(name: str = "") -> dict[str, bytes]:
    return {"policies/a.cedar": BROKEN + name.encode(), **SNAPSHOT}


@dataclass
class Time:
    """Both clocks of a decision point."""

    wall: float = NOW
    steady: float = 1000.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady, bytes)


@dataclass
class MemoryChannel:
    """Fills the port `ChannelReader`; `away` is what it fails with, `fetched` how many contents it gave out."""

    heads: dict[str, Head] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    away: Exception | None = None
    fetched: int = 0
    name: str = "the test's channel"

    def head(self, name: str = CURRENT) -> Head | None:
        if self.away is not None:
            raise self.away
        return self.heads.get(name)

    def of_serial(self, serial: int) -> Head | None:
        return next((head for head in self.heads.values() if head.unverified().serial == serial), None)

    def content(self, digest: str) -> bytes:
        self.fetched += 1
        if digest not in self.contents:
            raise SourceError("it is not there")
        return self.contents[digest]

    def put(self, head: Head, content: Mapping[str, bytes]) -> Head:
        """Have it give out `head`, with that content under the digest that it names."""
        self.heads[CURRENT] = head
        self.contents[head.unverified().digest] = encode(content)
        return head

    def publish(
        self,
        content: Mapping[str, bytes],
        serial: int,
        *,
        now: float | None = NOW,
        by: Iterable[str] = ("bundle",),
        stated_by: Iterable[str] = ("freshness",),
        chain: Iterable[Envelope] = (),
    ) -> Head:
        return self.put(head_of(content, serial=serial, now=now, by=by, stated_by=stated_by, chain=chain), content)


@dataclass
class MemoryArchive:
    """Fills the port `Archive`; `broken` is what it fails with."""

    kept: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    broken: ArchiveError | None = None
    puts: int = 0

    def put(self, digest: str, content: bytes, *, now: float) -> None:
        self._check()
        assert digest == "sha256:" + hashlib.sha256(content).hexdigest()
        self.puts += 1
        self.kept[digest] = (now, content)

    def get(self, digest: str) -> bytes:
        self._check()
        if digest not in self.kept:
            raise NotArchivedError("it is not there")
        return self.kept[digest][1]

    def entries(self) -> Sequence[Archived]:
        self._check()
        return [Archived(at, digest) for digest, (at, _) in self.kept.items()]

    def remove(self, digest: str) -> None:
        self._check()
        self.kept.pop(digest, None)

    def _check(self) -> None:
        if self.broken is not None:
            raise self.broken


@dataclass
class Scene:
    """A channel, and a decision point that follows it; `start` is also a restart."""

    state: Path
    channel: MemoryChannel = field(default_factory=MemoryChannel)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    time: Time = field(default_factory=Time)
    trust: Trust | None = field(default_factory=first_trust)
    max_age: float | None = None
    source: BundleSource | None = None

    def __post_init__(self) -> None:
        self.logs: list[Mapping[str, object]] = []
        self._active: ActiveBundle | None = None

    @property
    def active(self) -> ActiveBundle:
        assert self._active is not None
        return self._active

    def start(self) -> ActiveBundle:
        with structlog.testing.capture_logs() as logs:
            try:
                self._active = ActiveBundle(
                    self.source or ChannelSource(self.channel),
                    state=BundleState(self.state),
                    archive=self.archive,
                    rules=BundleRules(answer_max_age=5, trust=self.trust, max_age=self.max_age, keep=100.0),
                    clock=self.time.clock(),
                )
                self._active.activate()
            finally:
                self.logs += logs
        return self._active

    def look(self, times: int = 1) -> None:
        with structlog.testing.capture_logs() as logs:
            for _ in range(times):
                self.active.refresh()
        self.logs += logs

    def events(self) -> list[str]:
        """What was logged since this was last asked, by name."""
        names = [str(entry["event"]) for entry in self.logs]
        self.logs.clear()
        return names

    def answer(self) -> ToolgateAnswer:
        return self.active.usable().evaluate(QUESTION, now=NOW, decision_id="x").context.toolgate

    def in_force(self) -> tuple[int, str]:
        """The serial of the active bundle, and the policy that decides by it."""
        answer = self.active.bundle.evaluate(QUESTION, now=NOW, decision_id="x").context.toolgate
        (policy,) = answer.policies
        assert answer.bundle == self.active.bundle.manifest.digest == self.active.head.unverified().digest
        assert answer.generation == self.active.head.unverified().serial
        return answer.generation, policy

    def trouble(self) -> str | None:
        """The trouble that it stands in; there is an error where there is one."""
        standing = self.active.standing
        assert (standing.trouble is None) == (standing.error is None)
        return None if standing.trouble is None else standing.trouble.value

    def is_stale(self) -> bool:
        try:
            self.active.usable()
        except BundleError as error:
            return error.code is ReasonCode.BUNDLE_STALE
        return False
