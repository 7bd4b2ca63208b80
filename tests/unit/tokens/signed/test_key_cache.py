import asyncio
from typing import Any

import pytest

from pdp.tokens.signed.jwks import KeysUnavailableError, VerificationKey
from pdp.tokens.signed.key_cache import COOLDOWN_SECONDS, KEEP_SECONDS, KeyCache
from tests.unit.tokens.minting import EC_KEY, NOW, OUTAGE, Events, Keys, key_set, public_jwk

OLD = key_set(public_jwk(EC_KEY, kid="old"))
NEW = key_set(public_jwk(EC_KEY, kid="new"))
MAX_AGE = 600.0


def cache(source: Keys, events: Events | None = None) -> KeyCache:
    return KeyCache(source, alias="corp", max_age=MAX_AGE, log=(Events() if events is None else events).log())


async def ask(keys: KeyCache, key_id: str, *, now: float) -> tuple[VerificationKey, ...]:
    return await keys.matching(key_id=key_id, algorithm="ES256", now=now)


async def finished(source: Keys, fetches: int) -> None:
    async with asyncio.timeout(5):
        while source.fetches < fetches:  # noqa: ASYNC110 - the source is the one that counts
            await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_keys_are_fetched_once_while_they_are_fresh() -> None:
    source = Keys(OLD)
    keys = cache(source)
    for second in range(0, int(MAX_AGE), 100):
        assert len(await ask(keys, "old", now=NOW + second)) == 1
    assert source.fetches == 1


async def test_concurrent_askers_share_one_fetch() -> None:
    source, gate = Keys(OLD), asyncio.Event()
    source.before = gate.wait
    keys = cache(source)
    askers = [asyncio.create_task(ask(keys, "old", now=NOW)) for _ in range(50)]
    await finished(source, 1)
    gate.set()
    assert {len(found) for found in await asyncio.gather(*askers)} == {1}
    assert source.fetches == 1


async def test_an_asker_that_goes_away_takes_no_other_with_it() -> None:
    source, gate = Keys(OLD), asyncio.Event()
    source.before = gate.wait
    keys = cache(source)
    first, second = (asyncio.create_task(ask(keys, "old", now=NOW)) for _ in range(2))
    await finished(source, 1)
    first.cancel()
    gate.set()
    assert len(await second) == 1
    assert source.fetches == 1


async def test_keys_over_their_age_are_fetched_before_they_are_used() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = NEW
    assert await ask(keys, "old", now=NOW + MAX_AGE) == ()
    assert len(await ask(keys, "new", now=NOW + MAX_AGE)) == 1


async def test_a_new_key_is_found_at_once_and_an_invented_one_floods_nobody() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    for number in range(100):
        assert await ask(keys, f"invented-{number}", now=NOW + 1) == ()
    assert source.fetches == 1
    source.answer = NEW
    assert len(await ask(keys, "new", now=NOW + COOLDOWN_SECONDS)) == 1
    assert source.fetches == 2


async def test_an_outage_of_the_issuer_is_none_of_the_callers() -> None:
    source, events = Keys(OLD), Events()
    keys = cache(source, events)
    await ask(keys, "old", now=NOW)
    source.answer = OUTAGE
    assert len(await ask(keys, "old", now=NOW + MAX_AGE)) == 1
    assert len(await ask(keys, "old", now=NOW + MAX_AGE + 1)) == 1
    assert source.fetches == 2, "one attempt in a cooldown"
    assert [event["cause"] for event in events.named("issuer_keys_unavailable")] == ["the issuer is down"]


async def test_nobody_waits_for_an_issuer_that_is_known_to_be_down() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = OUTAGE
    await ask(keys, "old", now=NOW + MAX_AGE)
    source.before = asyncio.Event().wait
    async with asyncio.timeout(5):
        assert len(await ask(keys, "old", now=NOW + MAX_AGE + COOLDOWN_SECONDS)) == 1
    await finished(source, 3)


async def test_an_issuer_that_comes_back_is_asked_again() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = OUTAGE
    await ask(keys, "old", now=NOW + MAX_AGE)
    source.answer = NEW
    await ask(keys, "old", now=NOW + MAX_AGE + COOLDOWN_SECONDS)
    await finished(source, 3)
    assert len(await ask(keys, "new", now=NOW + MAX_AGE + COOLDOWN_SECONDS + 1)) == 1
    assert await ask(keys, "old", now=NOW + MAX_AGE + COOLDOWN_SECONDS + 1) == ()


async def test_keys_of_an_issuer_that_stays_away_end() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = OUTAGE
    assert len(await ask(keys, "old", now=NOW + KEEP_SECONDS - 1)) == 1
    assert await ask(keys, "old", now=NOW + KEEP_SECONDS) == ()


async def test_without_any_key_set_every_asker_is_told() -> None:
    source = Keys(OUTAGE)
    keys = cache(source)
    for second in (0.0, 1.0, COOLDOWN_SECONDS):
        with pytest.raises(KeysUnavailableError):
            await ask(keys, "old", now=NOW + second)
    assert source.fetches == 2


@pytest.mark.parametrize("broken", [b"<html>", key_set(), key_set({"kty": "oct", "k": "AA"})])
async def test_an_answer_that_is_no_key_set_does_not_replace_one(broken: Any) -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = broken
    assert len(await ask(keys, "old", now=NOW + MAX_AGE)) == 1


async def test_a_clock_that_steps_back_leads_to_a_fetch() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    assert len(await ask(keys, "old", now=NOW - 1000)) == 1
    assert source.fetches == 2
