"""The root of trust: keys come and go by the signatures of those that were trusted before, one version at a time."""

import itertools
from collections.abc import Iterable, Sequence

import msgspec
import pytest

from pdp.core.bundle import trust as roots
from pdp.core.bundle.envelope import Envelope
from pdp.core.bundle.trust import (
    MAX_CHAIN,
    Role,
    RoleKeys,
    Trust,
    TrustDocument,
    advanced,
    advances,
    document_of,
    trust_of,
)
from pdp.core.contract.errors import BundleError
from pdp.core.contract.reason_code import ReasonCode
from tests.signed_bundles import document, first_trust, key, key_id, signed, signed_trust

KINDS = "application/vnd.example+json"
TWO_OF_THREE = {Role.ROOT: 2, Role.BUNDLE: 2, Role.FRESHNESS: 2}


def refusal(trust: Trust, chain: Sequence[Envelope]) -> str:
    with pytest.raises(BundleError) as refused:
        advanced(trust, chain)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    return refused.value.detail


def first_refusal(envelope: Envelope) -> str:
    with pytest.raises(BundleError) as refused:
        trust_of(envelope)
    assert refused.value.code is ReasonCode.BUNDLE_UNTRUSTED
    return refused.value.detail


def passes(trust: Trust, role: Role, names: Iterable[str]) -> bool:
    try:
        trust.check(role, signed(KINDS, b"{}", names))
    except BundleError:
        return False
    return True


def pem(body: str) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def rotations(count: int, *, start: int = 2) -> list[Envelope]:
    """Versions from `start`, each with a bundle key of its own, all by the same root key."""
    return [signed_trust(document(n, bundle=[f"bundle-{n}"])) for n in range(start, start + count)]


def test_the_first_is_believed_by_its_own_signature() -> None:
    assert trust_of(signed_trust(document())).number == 1
    assert trust_of(signed_trust(document(5))).number == 5
    first_refusal(signed_trust(document(), []))
    first_refusal(signed_trust(document(), ["bundle"]))
    first_refusal(signed_trust(document(), ["stranger"]))
    first_refusal(signed(KINDS, document().to_json(), ["root"]))


@pytest.mark.parametrize("role", Role)
def test_a_role_is_for_its_own_keys(role: Role) -> None:
    trust = first_trust()
    assert [name for name in ("root", "bundle", "freshness", "stranger") if passes(trust, role, [name])] == [role.value]


def test_two_of_three_are_any_two_different_ones() -> None:
    names = ("a", "b", "c")
    trust = trust_of(
        signed_trust(document(root=names, bundle=names, freshness=names, thresholds=TWO_OF_THREE), ["a", "c"])
    )
    for role in Role:
        for count in range(4):
            for chosen in itertools.combinations(names, count):
                assert passes(trust, role, chosen) == (count >= 2), (role, chosen)
        assert not passes(trust, role, ["a", "a", "a", "stranger"])
    first_refusal(
        signed_trust(document(root=names, thresholds=TWO_OF_THREE | {Role.BUNDLE: 1, Role.FRESHNESS: 1}), ["a"])
    )


def test_who_signed_without_the_role_is_told_by_name() -> None:
    with pytest.raises(BundleError) as refused:
        first_trust().check(Role.BUNDLE, signed(KINDS, b"{}", ["freshness"]))
    assert refused.value.detail.startswith("0 of 1 `bundle` keys of trust 1 have signed")
    assert key_id("freshness")[:19] in refused.value.detail


def test_a_hostile_key_id_is_quoted_harmlessly() -> None:
    envelope = signed(KINDS, b"{}", ["freshness"])
    one = msgspec.structs.replace(envelope.signatures[0], keyid="\n\x1b[31m" + "x" * 1_000_000)
    with pytest.raises(BundleError) as refused:
        first_trust().check(Role.BUNDLE, msgspec.structs.replace(envelope, signatures=(one,)))
    assert refused.value.detail.isprintable()
    assert len(refused.value.detail) < 300


@pytest.mark.parametrize("role", Role)
def test_each_role_is_rotated_and_what_is_not_listed_any_more_signs_nothing(role: Role) -> None:
    of = {one: ["new"] if one is role else [one.value] for one in Role}
    rotated = document(2, root=of[Role.ROOT], bundle=of[Role.BUNDLE], freshness=of[Role.FRESHNESS])
    by = ["root", "new"] if role is Role.ROOT else ["root"]
    trust = advanced(first_trust(), [signed_trust(rotated, by)])
    assert trust.number == 2
    assert passes(trust, role, ["new"])
    assert not passes(trust, role, [role.value])


def test_root_keys_are_rotated_by_the_old_and_the_new_together() -> None:
    rotated = document(2, root=["new"])
    refusal(first_trust(), [signed_trust(rotated, ["root"])])
    refusal(first_trust(), [signed_trust(rotated, ["new"])])
    trust = advanced(first_trust(), [signed_trust(rotated, ["root", "new"])])
    refusal(trust, [signed_trust(document(3), ["root"])])
    assert advanced(trust, [signed_trust(document(3), ["root", "new"])]).number == 3


def test_a_threshold_of_root_keys_holds_for_the_next_version_too() -> None:
    names = ("a", "b", "c")
    trust = trust_of(signed_trust(document(root=names, thresholds={Role.ROOT: 2}), ["a", "b"]))
    weaker = document(2, root=["a"])
    refusal(trust, [signed_trust(weaker, ["a"])])
    refusal(trust, [signed_trust(weaker, ["a", "a"])])
    assert advanced(trust, [signed_trust(weaker, ["a", "c"])]).number == 2
    stronger = document(2, root=names, thresholds={Role.ROOT: 3})
    refusal(trust, [signed_trust(stronger, ["a", "c"])])
    assert advanced(trust, [signed_trust(stronger, names)]).number == 2


def test_a_skipped_version_is_noticed() -> None:
    two, three, four = rotations(3)
    assert "trust 2 is missing" in refusal(first_trust(), [three])
    assert "trust 3 is missing" in refusal(first_trust(), [two, four])
    assert advanced(first_trust(), [two, three, four]).number == 4


def test_a_chain_comes_in_any_order_and_with_what_is_known() -> None:
    chain = [first_trust().envelope, *rotations(3)]
    for order in itertools.permutations(chain):
        assert advanced(first_trust(), order).number == 4
    assert advanced(first_trust(), chain * 2).number == 4
    assert advanced(first_trust(), []).number == 1


def test_an_older_chain_leads_nowhere() -> None:
    chain = rotations(3)
    trust = advanced(first_trust(), chain)
    for length in range(3):
        assert advanced(trust, chain[:length]) is trust
    assert advanced(trust, [first_trust().envelope]) is trust


def test_a_withdrawn_root_key_leads_nowhere() -> None:
    trust = advanced(first_trust(), [signed_trust(document(2, root=["new"]), ["root", "new"])])
    evil = document(3, root=["evil"], bundle=["evil"])
    for by in (["root"], ["root", "evil"], ["evil"]):
        refusal(trust, [signed_trust(evil, by)])
    # A second history from before the withdrawal does not join this one.
    other_two, other_three = document(2, root=["root"], bundle=["evil"]), document(3, bundle=["evil"])
    refusal(trust, [signed_trust(other_two), signed_trust(other_three)])


def test_two_documents_of_one_version_are_refused() -> None:
    one, other = signed_trust(document(2, bundle=["one"])), signed_trust(document(2, bundle=["other"]))
    assert "two" in refusal(first_trust(), [one, other])
    assert "two" in refusal(first_trust(), [other, one])
    # The same one, signed by more, is no other.
    more = signed_trust(document(2, bundle=["one"]), ["root", "stranger"])
    assert advanced(first_trust(), [one, more]).number == 2


def test_what_leads_up_to_a_version_that_is_not_believed_is_learnt() -> None:
    two, four = rotations(1)[0], rotations(1, start=4)[0]
    steps = advances(first_trust(), [four, two])
    assert next(steps).number == 2
    with pytest.raises(BundleError):
        next(steps)


def test_more_versions_than_a_head_may_bring_are_not_read() -> None:
    assert advanced(first_trust(), rotations(MAX_CHAIN)).number == MAX_CHAIN + 1
    assert "at most 64" in refusal(first_trust(), rotations(MAX_CHAIN + 1))
    refusal(first_trust(), [first_trust().envelope] * (MAX_CHAIN + 1))


def with_roles(**roles: RoleKeys | None) -> TrustDocument:
    written = document(root=["root", "root-2"])
    changed = {role: roles.get(role.value, found) for role, found in written.roles.items()}
    return msgspec.structs.replace(written, roles={role: found for role, found in changed.items() if found is not None})


ROOT, SECOND, BUNDLE = key_id("root"), key_id("root-2"), key_id("bundle")


@pytest.mark.parametrize(
    "written",
    [
        with_roles(root=None),
        with_roles(bundle=None),
        with_roles(freshness=None),
        with_roles(bundle=RoleKeys(())),
        with_roles(bundle=RoleKeys((), 0)),
        with_roles(bundle=RoleKeys((BUNDLE,), 0)),
        with_roles(bundle=RoleKeys((BUNDLE,), -1)),
        with_roles(bundle=RoleKeys((BUNDLE,), 2)),
        with_roles(root=RoleKeys((ROOT, ROOT), 2)),
        with_roles(root=RoleKeys((ROOT, ROOT), 1)),
        with_roles(bundle=RoleKeys((key_id("stranger"),))),
        with_roles(bundle=RoleKeys(("",))),
        msgspec.structs.replace(document(), trust=0),
        msgspec.structs.replace(document(), trust=-1),
        msgspec.structs.replace(document(), keys={}),
        msgspec.structs.replace(
            document(), keys={name: key("stranger").public.to_pem().decode() for name in document().keys}
        ),
        msgspec.structs.replace(document(), keys=document().keys | {"\n": key("root").public.to_pem().decode()}),
        msgspec.structs.replace(document(), keys=document().keys | {"sha256:x": "no key"}),
        msgspec.structs.replace(
            document(), keys=document().keys | {key_id(f"{n}"): key(f"{n}").public.to_pem().decode() for n in range(14)}
        ),
    ],
    ids=range(19),
)
def test_a_document_by_which_too_little_would_do_is_none(written: TrustDocument) -> None:
    assert first_refusal(signed_trust(written, ["root", "root-2"])).isprintable()
    if written.trust > 0:
        refusal(first_trust(), [signed_trust(msgspec.structs.replace(written, trust=2), ["root", "root-2"])])


@pytest.mark.parametrize(
    "replaced",
    [
        (b'"trust":1', b'"trust":1.0'),
        (b'"trust":1', b'"trust":true'),
        (b'"trust":1', b'"trust":"1"'),
        (b'"threshold":1', b'"threshold":true'),
        (b'"threshold":1', b'"threshold":null'),
        (b'"version":1', b'"version":2'),
        (b'"version":1', b'"version":1,"more":1'),
        (b'"root":', b'"admin":'),
        (b'"root":', b'"ROOT":'),
        (b"{", b""),
        (b'"trust":1', b'"trust":' + b"[" * 100_000),
        (b'"trust":1', b'"trust":1,"\\n\\u001b[31m' + b"x" * 100_000 + b'":1'),
        (b"-----END PUBLIC KEY-----", b"-----END PUBLIC KEY-----\\nmore"),
        (b"MCowBQYDK2VwAyEA", b"MDQwEAYHKoZIzj0CAQYFKzIDAQED"),
    ],
    ids=range(14),
)
def test_what_is_no_document_is_refused_whoever_signed_it(replaced: tuple[bytes, bytes]) -> None:
    raw = document().to_json()
    assert replaced[0] in raw
    detail = first_refusal(signed(roots.PAYLOAD_TYPE, raw.replace(*replaced), ["root"]))
    assert detail.isprintable()
    assert len(detail) < 400


def test_a_key_of_a_kind_that_nobody_knows_is_refused_before_anything_is_believed() -> None:
    # A Brainpool curve's number where the kind of key stands: the library raises what it raises for nothing else.
    strange = pem("MDAwCwYJKyQDAwIIAQEHAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    written = msgspec.structs.replace(document(), keys=document().keys | {"sha256:x": strange})
    first_refusal(signed_trust(written))


def test_a_key_under_anothers_id_is_refused() -> None:
    pems = document().keys
    swapped = pems | {ROOT: pems[BUNDLE], BUNDLE: pems[ROOT]}
    assert "another id" in first_refusal(signed_trust(msgspec.structs.replace(document(), keys=swapped)))


def test_a_key_that_anybody_can_sign_for_is_no_key_of_trust() -> None:
    weak = pem("MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    written = msgspec.structs.replace(document(), keys=document().keys | {"sha256:x": weak})
    assert "low order" in first_refusal(signed_trust(written))


def test_a_document_is_not_written_with_too_few_keys() -> None:
    with pytest.raises(BundleError):
        document(bundle=[])
    with pytest.raises(BundleError):
        document(thresholds={Role.BUNDLE: 2})
    with pytest.raises(BundleError):
        document(bundle=["one", "one"], thresholds={Role.BUNDLE: 2})
    with pytest.raises(BundleError):
        document_of(1, {Role.ROOT: ([key("root").public], 1)})
