import asyncio
import subprocess
import sys

import pytest

from pdp.core.contract.errors import UnusableError
from pdp.tokens.local.argon2_hash import Argon2Hash, hash_secret
from pdp.tokens.local.secret_hash import HashingBusyError, SecretMismatchError, from_extra, open_secret_hash

SECRET = "correct horse battery"


async def test_a_secret_matches_its_own_hash_and_nothing_else() -> None:
    hashing = open_secret_hash()
    encoded = await hashing.make(SECRET)
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await hashing.verify(encoded, secret=SECRET)
    for wrong in (hash_secret("other"), "$argon2id$", "", "plain", None):
        with pytest.raises(SecretMismatchError):
            await hashing.verify(wrong, secret=SECRET)


@pytest.mark.parametrize("secret", ["", "\0", "other"])
async def test_nothing_matches_a_hash_that_is_not_there(secret: str) -> None:
    with pytest.raises(SecretMismatchError):
        await Argon2Hash().verify(None, secret=secret)


async def test_no_more_wait_than_there_is_room_for_and_room_comes_back() -> None:
    hashing = Argon2Hash(workers=1, waiting=1)
    outcomes = await asyncio.gather(*(hashing.make(SECRET) for _ in range(5)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["HashingBusyError"] * 3 + ["str"] * 2
    assert (await hashing.make(SECRET)).startswith("$argon2id$")


async def test_those_who_go_away_make_no_room_before_their_work_is_done() -> None:
    hashing = Argon2Hash(workers=1, waiting=0)
    gone = asyncio.ensure_future(hashing.make(SECRET))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(HashingBusyError):
        await hashing.make(SECRET)


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(UnusableError, match=r"toolgate\[accounts\]"):
        from_extra("pdp.tokens.local.no_such_module", purpose="keys and passwords")


def test_what_every_enforcer_loads_needs_no_extra() -> None:
    text = "import sys, enforcers.chain, pdp.tokens.trust; print({'argon2', 'sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"
