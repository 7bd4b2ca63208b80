import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.proof.replay import KEY_SHARE, RESERVED_PER_KEY, SeenProofs
from tests.unit.tokens.minting import NOW

URL = "https://gateway.example.com/mcp"
ENTRIES = 1024
SHARE = ENTRIES // 2 // KEY_SHARE
WINDOW = 60


def add(seen: SeenProofs, key: str, jti: str, *, now: float = NOW, url: str = URL) -> None:
    seen.add(key, jti=jti, url=url, until=now + WINDOW, now=now)


def code(seen: SeenProofs, key: str, jti: str, *, now: float = NOW) -> ReasonCode:
    with pytest.raises(TokenError) as caught:
        add(seen, key, jti, now=now)
    return caught.value.code


def fill(seen: SeenProofs, key: str, *, now: float = NOW) -> int:
    """How many proofs `key` can have remembered."""
    for number in range(10 * ENTRIES):
        try:
            add(seen, key, f"{key}-{number}", now=now)
        except TokenError:
            return number
    raise AssertionError("there is no bound")


def test_key_identifier_and_url_together_make_a_proof_the_same() -> None:
    seen = SeenProofs(entries=ENTRIES)
    add(seen, "key", "jti")
    add(seen, "other", "jti")
    add(seen, "key", "other")
    add(seen, "key", "jti", url="https://gateway.example.com/other")
    assert code(seen, "key", "jti") is ReasonCode.PROOF_INVALID
    assert len(seen) == 4


def test_a_key_that_floods_is_refused_and_its_own_proofs_stay_used() -> None:
    seen = SeenProofs(entries=ENTRIES)
    assert fill(seen, "flood") == SHARE
    assert code(seen, "flood", "one more") is ReasonCode.LIMIT_EXCEEDED
    assert code(seen, "flood", "flood-0") is ReasonCode.PROOF_INVALID
    add(seen, "other", "jti")


def test_whatever_keys_flood_another_has_its_reserved_places_and_nobody_is_forgotten() -> None:
    seen = SeenProofs(entries=ENTRIES)
    add(seen, "victim", "before")
    for flood in range(2 * KEY_SHARE):
        fill(seen, f"flood-{flood}")
    for number in range(RESERVED_PER_KEY - 1):
        add(seen, "victim", f"after-{number}")
    assert code(seen, "victim", "one more") is ReasonCode.LIMIT_EXCEEDED
    assert code(seen, "victim", "before") is ReasonCode.PROOF_INVALID


def test_with_ever_more_keys_memory_stays_bounded_and_full_means_refused() -> None:
    seen = SeenProofs(entries=ENTRIES)
    for number in range(3 * ENTRIES):
        if len(seen) < ENTRIES:
            add(seen, f"key-{number}", "jti")
        else:
            assert code(seen, f"key-{number}", "jti") is ReasonCode.LIMIT_EXCEEDED
    assert len(seen) == ENTRIES
    assert code(seen, "key-0", "jti") is ReasonCode.PROOF_INVALID


def test_places_are_free_again_when_proofs_have_ended() -> None:
    seen = SeenProofs(entries=ENTRIES)
    fill(seen, "flood")
    assert code(seen, "flood", "one more", now=NOW + WINDOW) is ReasonCode.LIMIT_EXCEEDED
    add(seen, "flood", "one more", now=NOW + WINDOW + 1)
    assert len(seen) == 1
    assert fill(seen, "flood", now=NOW + WINDOW + 1) == SHARE - 1


@pytest.mark.parametrize("now", [NOW, NOW + 0.999, NOW + WINDOW - 0.001, NOW + WINDOW])
def test_a_proof_is_remembered_up_to_its_end(now: float) -> None:
    seen = SeenProofs(entries=ENTRIES)
    add(seen, "key", "jti")
    add(seen, "other", "jti", now=now)
    with pytest.raises(TokenError):
        seen.add("key", jti="jti", url=URL, until=NOW + WINDOW, now=now)
