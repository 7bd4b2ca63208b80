from collections.abc import Mapping

import pytest
import structlog.testing

from pdp.core.bundle.content import encode
from pdp.core.bundle.envelope import Envelope, sealed
from pdp.core.bundle.freshness import PAYLOAD_TYPE as FRESHNESS
from pdp.core.bundle.freshness import freshness_of
from pdp.core.bundle.head import Head
from pdp.core.bundle.key import KeyPair
from pdp.core.bundle.manifest import PAYLOAD_TYPE, manifest_of
from pdp.core.bundle.trust import PAYLOAD_TYPE as TRUST
from pdp.core.bundle.trust import Role, Trust, document_of, trust_of
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, Problem
from pdp.lifecycle.channel import CANARY, CURRENT
from pdp.lifecycle.channel_source import ChannelSource
from pdp.lifecycle.shadow import ShadowBundle, ShadowRules
from pdp.lifecycle.source import Sighting, SourceError
from pdp.lifecycle.standing import Standing, Trouble
from pdp.lifecycle.state import StateError

PERMIT = b'@id("all") permit (principal, action, resource);'
FORBID = b'@id("none") forbid (principal, action, resource);'
BROKEN = b"permit (principal"
CLOCK = Clock(lambda: 1000.0, lambda: 5.0, bytes)
ROOT, OLD, NEW = (KeyPair.from_seed(bytes([number]) * 32) for number in (1, 2, 3))


class Sources:
    """Fills the port `BundleSource` with one policy file, or raises."""

    name = "the test"

    def __init__(self, policy: bytes) -> None:
        self.policy = policy
        self.raises: Exception | None = None
        self.looked = self.fetched = 0

    def look(self) -> Sighting:
        self.looked += 1
        if self.raises is not None:
            raise self.raises
        return Sighting(self.policy.hex(), "here")

    def fetch(self, seen: Sighting) -> Mapping[str, bytes]:
        self.fetched += 1
        return {"policies/a.cedar": self.policy}


class Shelf:
    """Fills the port `ChannelReader` with heads and contents in memory."""

    name = "file:the-test"

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.contents: dict[str, bytes] = {}
        self.fetched = 0

    def head(self, name: str = CURRENT) -> Head | None:
        return self.heads.get(name)

    def of_serial(self, serial: int) -> Head | None:
        return next((head for head in self.heads.values() if head.unverified().serial == serial), None)

    def content(self, digest: str) -> bytes:
        self.fetched += 1
        return self.contents[digest]

    def put(
        self, policy: bytes, *, serial: int, key: KeyPair | None, now: float = 1000.0, trust: tuple[Envelope, ...] = ()
    ) -> None:
        files = {"policies/a.cedar": policy}
        manifest, keys = manifest_of(files, serial=serial), [] if key is None else [key]
        fresh = sealed(FRESHNESS, freshness_of(manifest, now=now).to_json(), keys=keys)
        self.heads[CANARY] = Head(sealed(PAYLOAD_TYPE, manifest.to_json(), keys=keys), fresh, trust)
        self.contents[manifest.digest] = encode(files)


def root_of(key: KeyPair, *, number: int = 1) -> Trust:
    roles = {Role.ROOT: ([ROOT.public], 1), Role.BUNDLE: ([key.public], 1), Role.FRESHNESS: ([key.public], 1)}
    return trust_of(sealed(TRUST, document_of(number, roles).to_json(), keys=[ROOT]))


def following(source: Sources) -> ShadowBundle:
    return ShadowBundle(source, rules=ShadowRules(answer_max_age=5), clock=CLOCK)


def tried(shadow: ShadowBundle) -> list[str]:
    return [] if shadow.bundle is None else sorted(shadow.bundle.compiled.policies)


def test_what_the_source_has_is_tried_and_read_once() -> None:
    source = Sources(PERMIT)
    shadow = following(source)
    assert (shadow.bundle, shadow.standing, shadow.source) == (None, Standing(), "the test")
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            shadow.refresh()
    assert (tried(shadow), source.fetched) == (["all"], 1)
    assert shadow.standing == Standing(confirmed=5.0)
    assert [(entry["event"], entry["origin"]) for entry in logs] == [("canary_taken", "here")]
    source.policy = FORBID
    shadow.refresh()
    assert tried(shadow) == ["none"]


def test_the_last_good_one_stays_and_the_problem_is_told_once() -> None:
    source = Sources(PERMIT)
    shadow = following(source)
    shadow.refresh()
    source.policy = BROKEN
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            shadow.refresh()
    assert (tried(shadow), shadow.failures, source.fetched) == (["all"], 1, 2)
    assert shadow.standing.trouble is Trouble.REFUSED
    ((event, level, trouble, (problem,)),) = [
        (entry["event"], entry["log_level"], entry["trouble"], entry["problems"]) for entry in logs
    ]
    assert (event, level, trouble) == ("canary_not_taken", "error", "bundle_refused")
    assert problem.startswith("policies/a.cedar:1")
    source.policy = PERMIT
    shadow.refresh()
    assert (tried(shadow), shadow.standing.error) == (["all"], None)


def test_a_first_one_with_problems_leaves_nothing_to_try() -> None:
    shadow = following(Sources(BROKEN))
    shadow.refresh()
    assert (shadow.bundle, shadow.standing.trouble) == (None, Trouble.REFUSED)


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (SourceError("no route to host"), Trouble.UNAVAILABLE),
        (ConfigurationError([Problem("policies", 0, 0, "directory_missing", "no directory")]), Trouble.REFUSED),
    ],
)
def test_a_source_that_cannot_be_read_is_looked_at_again(error: Exception, trouble: Trouble) -> None:
    source = Sources(PERMIT)
    shadow = following(source)
    shadow.refresh()
    source.raises = error
    shadow.refresh()
    shadow.refresh()
    assert (shadow.standing.trouble, shadow.failures, tried(shadow)) == (trouble, 1, ["all"])
    source.raises = None
    shadow.refresh()
    assert (shadow.standing.error, source.looked, source.fetched) == (None, 4, 1)


def signed(shelf: Shelf, trust: Trust | None) -> ShadowBundle:
    rules = ShadowRules(answer_max_age=5, trust=None if trust is None else lambda: trust)
    return ShadowBundle(ChannelSource(shelf, head=CANARY), rules=rules, clock=CLOCK)


def test_a_signed_one_is_tried_under_its_own_digest_whatever_its_serial() -> None:
    shelf = Shelf()
    shadow = signed(shelf, root_of(OLD))
    for policy, serial, name in ((PERMIT, 7, "all"), (FORBID, 3, "none"), (PERMIT, 3, "all")):
        shelf.put(policy, serial=serial, key=OLD)
        shadow.refresh()
        assert shadow.bundle is not None
        assert (tried(shadow), shadow.bundle.manifest.serial, shadow.standing.error) == ([name], serial, None)


def test_a_new_statement_about_the_same_content_compiles_nothing() -> None:
    shelf = Shelf()
    shadow = signed(shelf, root_of(OLD))
    for now in (880.0, 940.0, 1000.0):
        shelf.put(PERMIT, serial=7, key=OLD, now=now)
        shadow.refresh()
    assert (shelf.fetched, shadow.failures, tried(shadow)) == (1, 0, ["all"])


@pytest.mark.parametrize("key", [NEW, None])
def test_what_nobody_of_trust_has_signed_is_refused_and_the_last_one_is_tried_on(key: KeyPair | None) -> None:
    shelf = Shelf()
    shadow = signed(shelf, root_of(OLD))
    shelf.put(PERMIT, serial=7, key=OLD)
    shadow.refresh()
    shelf.put(FORBID, serial=8, key=key)
    with structlog.testing.capture_logs() as logs:
        shadow.refresh()
        shadow.refresh()
    assert (tried(shadow), shadow.standing.trouble, shadow.failures) == (["all"], Trouble.UNTRUSTED, 1)
    assert [entry["event"] for entry in logs] == ["canary_not_taken"]


def test_content_that_is_another_than_what_was_signed_is_refused() -> None:
    shelf = Shelf()
    shadow = signed(shelf, root_of(OLD))
    shelf.put(PERMIT, serial=7, key=OLD)
    (digest,) = shelf.contents
    shelf.contents[digest] = encode({"policies/a.cedar": FORBID})
    shadow.refresh()
    assert (shadow.bundle, shadow.standing.trouble) == (None, Trouble.UNTRUSTED)


def test_a_key_that_was_withdrawn_signs_no_canary_any_more() -> None:
    shelf, known = Shelf(), [root_of(OLD)]
    rules = ShadowRules(answer_max_age=5, trust=lambda: known[-1])
    shadow = ShadowBundle(ChannelSource(shelf, head=CANARY), rules=rules, clock=CLOCK)
    second = root_of(NEW, number=2)
    shelf.put(PERMIT, serial=7, key=NEW, trust=(second.envelope,))
    shadow.refresh()  # the canary's own head leads to the second root of trust
    assert tried(shadow) == ["all"]
    shelf.put(FORBID, serial=8, key=OLD)
    shadow.refresh()
    assert (tried(shadow), shadow.standing.trouble) == (["all"], Trouble.UNTRUSTED)
    known.append(second)  # what the active bundle led to counts as well, also for a canary that starts now
    later = ShadowBundle(ChannelSource(shelf, head=CANARY), rules=rules, clock=CLOCK)
    later.refresh()
    assert (later.bundle, later.standing.trouble) == (None, Trouble.UNTRUSTED)


def test_a_root_of_trust_that_cannot_be_read_lets_nothing_in() -> None:
    def unreadable() -> Trust:
        raise StateError([Problem("trust.json", 0, 0, "state_unusable", "it cannot be used")])

    shelf = Shelf()
    shelf.put(PERMIT, serial=7, key=OLD)
    rules = ShadowRules(answer_max_age=5, trust=unreadable)
    shadow = ShadowBundle(ChannelSource(shelf, head=CANARY), rules=rules, clock=CLOCK)
    shadow.refresh()
    assert (shadow.bundle, shadow.standing.trouble) == (None, Trouble.UNKEPT)


def test_a_channel_without_trust_is_told_each_time_that_it_is_believed() -> None:
    shelf = Shelf()
    shadow = signed(shelf, None)
    with structlog.testing.capture_logs() as logs:
        for serial in (1, 2):
            shelf.put(PERMIT, serial=serial, key=None)
            shadow.refresh()
    assert [entry["event"] for entry in logs].count("unsafe_unsigned") == 2
    assert tried(shadow) == ["all"]


def test_a_channel_without_a_canary_has_nothing_to_try_and_nothing_wrong() -> None:
    shelf = Shelf()
    shadow = signed(shelf, root_of(OLD))
    shadow.refresh()
    assert (shadow.bundle, shadow.standing, shadow.failures) == (None, Standing(confirmed=5.0), 0)
    shelf.put(PERMIT, serial=3, key=OLD)
    shadow.refresh()
    assert tried(shadow) == ["all"]
    shelf.heads.clear()
    shadow.refresh()
    assert (shadow.bundle, shadow.standing.trouble) == (None, None)


def test_warnings_are_told_when_a_canary_is_taken() -> None:
    with structlog.testing.capture_logs() as logs:
        following(Sources(PERMIT.replace(b";", b" when { true };"))).refresh()
    assert [entry["event"] for entry in logs] == ["canary_taken", "canary_policy_warning"]
