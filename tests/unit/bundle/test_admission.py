"""What may come after what: each rule, and any mixture of everything that was ever signed or stolen."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pdp.core.bundle import manifest as manifests
from pdp.core.bundle.admission import Newest, admit
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import Manifest, manifest_of
from pdp.core.bundle.trust import Role, TrustDocument, advanced, advances, trust_of
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from tests.signed_bundles import (
    NOW,
    document,
    first_trust,
    head_of,
    key_id,
    signed,
    signed_manifest,
    signed_trust,
    statement,
)

FILES = {"policies/a.cedar": b"// a"}
OTHER = {"policies/a.cedar": b"// b"}
DIGEST = manifest_of(FILES, serial=1).digest


def refusal(head: Head, *, newest: Newest | None = None, now: float = NOW) -> str:
    with pytest.raises(BundleError) as refused:
        admit(head, trust=first_trust(), newest=newest or Newest(), now=now)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    return refused.value.detail


def test_a_signed_head_is_admitted() -> None:
    admitted = admit(head_of(FILES, serial=4), trust=first_trust(), newest=Newest(3, "sha256:x"), now=NOW + 5)
    assert (admitted.manifest.serial, admitted.fresh_at, admitted.trust.number) == (4, NOW, 1)
    again = admit(head_of(FILES, serial=4), trust=first_trust(), newest=Newest(4, DIGEST), now=NOW)
    assert again.manifest == admitted.manifest
    assert admit(head_of(FILES, now=None), trust=first_trust(), newest=Newest(), now=NOW).fresh_at is None


def test_an_older_serial_is_refused() -> None:
    assert "older" in refusal(head_of(FILES, serial=3), newest=Newest(4, DIGEST))
    assert "older" in refusal(head_of(FILES, serial=3), newest=Newest(4, "sha256:x"))


def test_one_serial_with_two_digests_is_refused() -> None:
    assert "two bundles have one serial" in refusal(head_of(OTHER, serial=4), newest=Newest(4, DIGEST))


def test_a_manifest_by_nobody_by_strangers_or_for_another_purpose_is_refused() -> None:
    for by in ([], ["stranger"], ["freshness"], ["root"]):
        assert "0 of 1" in refusal(head_of(FILES, by=by))


def test_a_signed_document_of_another_type_is_no_manifest() -> None:
    stated = statement(manifest_of(FILES, serial=1), names=["bundle"])
    refusal(Head(stated))
    refusal(Head(msgspec.structs.replace(stated, payloadType=manifests.PAYLOAD_TYPE)))
    refusal(Head(signed(manifests.PAYLOAD_TYPE, b"{}", ["bundle"])))


def test_a_statement_that_is_there_must_be_believed() -> None:
    written = manifest_of(FILES, serial=1)
    for stated in (
        statement(written, names=["bundle"]),
        statement(written, names=[]),
        statement(manifest_of(FILES, serial=2)),
        statement(manifest_of(OTHER, serial=1)),
        statement(written, now=NOW + 61),
        signed_manifest(written, ["freshness"]),
    ):
        refusal(Head(signed_manifest(written), stated))


def test_a_key_that_the_head_itself_withdraws_signs_nothing_any_more() -> None:
    rotated = signed_trust(document(2, bundle=["new"]))
    assert "trust 2" in refusal(head_of(FILES, chain=[rotated]))
    admitted = admit(head_of(FILES, by=["new"], chain=[rotated]), trust=first_trust(), newest=Newest(), now=NOW)
    assert admitted.trust.number == 2


def test_a_broken_chain_refuses_what_comes_with_it() -> None:
    refusal(head_of(FILES, chain=[signed_trust(document(3))]))
    refusal(head_of(FILES, chain=[signed_trust(document(2), ["bundle"])]))


def test_the_chain_that_goes_on_ends_with_what_is_believed() -> None:
    two, three = signed_trust(document(2)), signed_trust(document(3))
    first = first_trust()
    assert advanced(first, [three, two]).chain == (first.envelope, two, three)
    assert first.chain == (first.envelope,)


class Signed(NamedTuple):
    """An envelope, who really signed it, and what it is about."""

    envelope: Envelope
    by: frozenset[str]
    serial: int = 0
    digest: str = ""


CONTENTS = [{"policies/a.cedar": b"// %d" % number} for number in range(3)]
BUNDLE_KEYS, FRESHNESS_KEYS, ROOT_KEYS = ("b1", "b2", "b3", "b4"), ("f1", "f2"), ("r1", "r2", "r3", "r4")


class Attack(RuleBasedStateMachine):
    """A publisher, a decision point, and somebody between them who has all that was ever signed, and some of the keys.

    Root keys are two of three, of which one is stolen, or will be listed.
    """

    @initialize(root_key=st.sampled_from(ROOT_KEYS))
    def begin(self, root_key: str) -> None:
        self.stolen = {root_key}
        self.members = {Role.ROOT: ["r1", "r2", "r3"], Role.BUNDLE: ["b1"], Role.FRESHNESS: ["f1"]}
        self.documents: list[TrustDocument] = []
        self.chain: list[Envelope] = []
        self.forged_chain: list[Envelope] = []
        self.manifests: list[Signed] = []
        self.statements: list[Signed] = []
        self.serial = 0
        self.forged = False
        self._next_trust(self.members[Role.ROOT])
        # The decision point: what it has to remember.
        self.trust = trust_of(self.chain[0])
        self.newest = Newest()
        self.accepted: dict[int, str] = {}

    def _next_trust(self, signers: Iterable[str]) -> None:
        written = document(
            len(self.documents) + 1,
            root=self.members[Role.ROOT],
            bundle=self.members[Role.BUNDLE],
            freshness=self.members[Role.FRESHNESS],
            thresholds={Role.ROOT: 2},
        )
        self.documents.append(written)
        self.chain.append(signed_trust(written, signers))

    def _listed(self, role: Role) -> set[str]:
        """The keys of `role` by the newest document that the decision point has seen."""
        known = {key_id(name): name for name in (*BUNDLE_KEYS, *FRESHNESS_KEYS, *ROOT_KEYS)}
        return {known[one] for one in self.trust.document.roles[role].keys}

    @rule(content=st.sampled_from(CONTENTS))
    def publish(self, content: dict[str, bytes]) -> None:
        self.serial += 1
        self._sign(manifest_of(content, serial=self.serial), self.members[Role.BUNDLE], self.members[Role.FRESHNESS])

    def _sign(self, written: Manifest, by: Iterable[str], stated_by: Iterable[str]) -> None:
        about = (written.serial, written.digest)
        self.manifests.append(Signed(signed_manifest(written, by), frozenset(by), *about))
        self.statements.append(Signed(statement(written, names=stated_by), frozenset(stated_by), *about))

    @rule(role=st.sampled_from(Role), data=st.data())
    def rotate(self, role: Role, data: st.DataObject) -> None:
        before = list(self.members[Role.ROOT])
        pool = {Role.ROOT: ROOT_KEYS, Role.BUNDLE: BUNDLE_KEYS, Role.FRESHNESS: FRESHNESS_KEYS}[role]
        count = 3 if role is Role.ROOT else 1
        chosen = data.draw(st.lists(st.sampled_from(pool), min_size=count, max_size=count, unique=True))
        self.members[role] = chosen
        self._next_trust({*before, *self.members[Role.ROOT]})

    @rule(name=st.sampled_from((*BUNDLE_KEYS, *FRESHNESS_KEYS)))
    def steal(self, name: str) -> None:
        self.stolen.add(name)

    @rule(content=st.sampled_from(CONTENTS), ahead=st.integers(-2, 3))
    def forge(self, content: dict[str, bytes], ahead: int) -> None:
        self._sign(manifest_of(content, serial=max(1, self.serial + ahead)), sorted(self.stolen), sorted(self.stolen))

    @rule(ahead=st.integers(0, 2), data=st.data())
    @precondition(lambda self: self.manifests)
    def forge_trust(self, ahead: int, data: st.DataObject) -> None:
        """Somebody makes keys of their own the next root of trust, and comes with nothing else."""
        mine = sorted(self.stolen)
        written = document(self.trust.number + ahead, root=mine, bundle=mine, freshness=mine)
        self.forged_chain.append(signed_trust(written, mine))
        about = data.draw(st.sampled_from(self.manifests))
        self._see(Head(about.envelope, None, (self.forged_chain[-1],)), about)

    @rule(data=st.data())
    @precondition(lambda self: self.manifests)
    def deliver(self, data: st.DataObject) -> None:
        written = data.draw(st.sampled_from(self.manifests))
        stated = data.draw(st.one_of(st.none(), st.sampled_from(self.statements)))
        links = st.sampled_from([*self.chain, *self.forged_chain])
        chain = data.draw(st.one_of(st.just(self.chain), st.lists(links, max_size=5)))
        self._see(Head(written.envelope, None if stated is None else stated.envelope, tuple(chain)), written)

    @rule()
    @precondition(lambda self: self.manifests)
    def deliver_honestly(self) -> None:
        """What the publisher would give out now is taken, unless somebody with a listed key was faster."""
        self.publish(CONTENTS[0])
        newest = self.manifests[-1]
        was_forged = self.newest.serial and self.accepted[self.newest.serial] != self._published(self.newest.serial)
        self._see(Head(newest.envelope, self.statements[-1].envelope, tuple(self.chain)), newest)
        if not was_forged and self.newest.serial <= self.serial:
            assert self.newest == Newest(newest.serial, newest.digest)
        assert self.trust.number == len(self.documents)

    def _published(self, serial: int) -> str | None:
        return next((one.digest for one in self.manifests if one.serial == serial and not one.by & self.stolen), None)

    def _see(self, head: Head, written: Signed) -> None:
        """What a decision point does with a head: it remembers roots of trust as it learns them."""
        before, number = self.newest, self.trust.number
        following = number
        while following < len(self.chain) and self.chain[following] in head.trust:
            following += 1
        try:
            for trust in advances(self.trust, head.trust):
                self.trust = trust
            admitted = admit(head, trust=self.trust, newest=self.newest, now=NOW)
        except BundleError:
            admitted = None
        if not set(head.trust) & set(self.forged_chain):
            assert self.trust.number == following, "what was shown of the roots of trust is not forgotten"
        assert self.trust.number >= number
        assert self.trust.document == self.documents[self.trust.number - 1], "a root of trust that nobody published"
        if admitted is None:
            return
        assert admitted.trust is self.trust
        assert written.by & self._listed(Role.BUNDLE), "signed by no key that is listed now"
        assert (admitted.manifest.serial, admitted.manifest.digest) == (written.serial, written.digest)
        assert written.serial >= before.serial
        assert self.accepted.setdefault(written.serial, written.digest) == written.digest, "two for one"
        self.newest = Newest(written.serial, written.digest)

    @invariant()
    def the_newest_is_what_was_accepted(self) -> None:
        if getattr(self, "accepted", None):
            assert self.newest.serial == max(self.accepted)


TestAttack = Attack.TestCase
TestAttack.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
