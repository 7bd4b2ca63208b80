from pathlib import Path
from typing import Any

import pytest

from pdp.core.contract.errors import TokenError, UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.proof.nonce import SECRET_BYTES, Nonces, read_nonce_secret
from tests.unit.tokens.minting import NOW

SECRET = bytes(range(32))
NONCES = Nonces(SECRET, lifetime=300, leeway=5)


def refused(nonce: Any, *, now: float = NOW) -> TokenError:
    with pytest.raises(TokenError) as caught:
        NONCES.check(nonce, now=now)
    return caught.value


@pytest.mark.parametrize("age", [-5, 0, 150, 299])
def test_a_nonce_is_good_for_its_lifetime(age: float) -> None:
    NONCES.check(NONCES.make(now=NOW), now=NOW + age)


@pytest.mark.parametrize("age", [-6, 300, 1_000_000])
def test_a_nonce_out_of_its_lifetime_is_answered_with_a_new_one(age: float) -> None:
    error = refused(NONCES.make(now=NOW), now=NOW + age)
    assert (error.code, error.nonce) == (ReasonCode.PROOF_INVALID, NONCES.make(now=NOW + age))


@pytest.mark.parametrize(
    "nonce",
    [
        None,
        "",
        "A",
        "nonce",
        1,
        True,
        ["nonce"],
        "A" * 32,
        "A" * 100_000,
        "\N{LATIN SMALL LETTER E WITH ACUTE}",
        NONCES.make(now=NOW)[:-2],
        NONCES.make(now=NOW) + "AAAA",
        Nonces(bytes(32), lifetime=300, leeway=5).make(now=NOW),
    ],
)
def test_what_is_no_nonce_of_ours_is_answered_with_one(nonce: Any) -> None:
    assert refused(nonce).nonce == NONCES.make(now=NOW)


@pytest.mark.parametrize("position", range(32))
def test_a_nonce_with_one_character_changed_is_none(position: int) -> None:
    good = NONCES.make(now=NOW)
    changed = good[:position] + ("B" if good[position] != "B" else "C") + good[position + 1 :]
    assert refused(changed).detail == "the proof has no nonce of ours"


def test_processes_with_one_secret_accept_each_others_nonces(tmp_path: Path) -> None:
    first, second = read_nonce_secret(tmp_path / "nonces"), read_nonce_secret(tmp_path / "nonces")
    assert (first, len(first)) == (second, SECRET_BYTES)
    Nonces(first, lifetime=300, leeway=5).check(Nonces(second, lifetime=300, leeway=5).make(now=NOW), now=NOW)


def test_a_secret_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nonces"
    path.touch(mode=0o600)
    with pytest.raises(UnusableError, match="less than 32 bytes"):
        read_nonce_secret(path)
