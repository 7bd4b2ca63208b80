import asyncio
import json
from typing import Any

import pytest

from pdp.tokens.fetch.kept import COOLDOWN_SECONDS, KEEP_SECONDS
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.signed.jwks import VerificationKey
from pdp.tokens.signed.key_cache import MAX_ABSENCE_SECONDS, KeyCache
from tests.unit.tokens.minting import EC_KEY, NOW, OUTAGE, Events, Keys, key_set, public_jwk

OLD = key_set(public_jwk(EC_KEY, kid="old"))
NEW = key_set(public_jwk(EC_KEY, kid="new"))
BOTH = key_set(public_jwk(EC_KEY, kid="old"), public_jwk(EC_KEY, kid="new"))
MAX_AGE = 600.0


def cache(source: Keys, events: Events | None = None) -> KeyCache:
    return KeyCache(source, alias="corp", max_age=MAX_AGE, log=(Events() if events is None else events).log())


async def ask(keys: KeyCache, key_id: str, *, now: float) -> tuple[VerificationKey, ...]:
    return await keys.matching(key_id=key_id, algorithm="ES256", now=now)


async def fetching(source: Keys, fetches: int) -> None:
    async with asyncio.timeout(20):
        while source.fetches < fetches:  # noqa: ASYNC110 - the source is the one that counts
            await asyncio.sleep(0)


async def test_concurrent_askers_share_one_fetch() -> None:
    source, gate = Keys(OLD), asyncio.Event()
    source.before = gate.wait
    keys = cache(source)
    askers = [asyncio.create_task(ask(keys, "old", now=NOW)) for _ in range(50)]
    await fetching(source, 1)
    gate.set()
    assert {len(found) for found in await asyncio.gather(*askers)} == {1}
    assert source.fetches == 1


async def test_keys_over_their_age_are_fetched_before_they_are_used() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = NEW
    assert await ask(keys, "old", now=NOW + MAX_AGE) == ()
    assert len(await ask(keys, "new", now=NOW + MAX_AGE)) == 1


async def test_a_new_key_is_found_at_once() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = BOTH
    assert len(await ask(keys, "new", now=NOW + 1)) == 1
    assert len(await ask(keys, "old", now=NOW + 1)) == 1
    assert source.fetches == 2


async def test_one_rotation_right_after_another_is_found_at_once_too() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    for number in range(5):
        source.answer = key_set(public_jwk(EC_KEY, kid=f"k{number}"))
        assert len(await ask(keys, f"k{number}", now=NOW + number / 10)) == 1


async def test_a_look_for_an_invented_key_that_brings_a_new_one_takes_nobodys_turn() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = NEW
    assert await ask(keys, "invented", now=NOW) == ()
    source.answer = BOTH
    assert len(await ask(keys, "old", now=NOW + 1)) == 1


async def test_a_key_published_while_a_fetch_was_under_way_is_found() -> None:
    source, gate = Keys(OLD), asyncio.Event()
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.before = gate.wait
    await ask(keys, "old", now=NOW + MAX_AGE * 0.8)  # renewed behind this asker
    await fetching(source, 2)
    asker = asyncio.create_task(ask(keys, "new", now=NOW + MAX_AGE * 0.8))

    async def published() -> None:
        source.answer = BOTH

    await asyncio.sleep(0)
    source.before = published
    gate.set()
    assert len(await asker) == 1
    assert source.fetches == 3


async def test_invented_keys_cost_one_fetch_in_a_cooldown() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    for number in range(1000):
        assert await ask(keys, f"invented-{number}", now=NOW + number / 1000) == ()
    assert source.fetches == 2
    assert await ask(keys, "one more", now=NOW + COOLDOWN_SECONDS) == ()
    assert source.fetches == 3


async def test_invented_keys_at_once_cost_one_fetch_together() -> None:
    source, gate = Keys(OLD), asyncio.Event()
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.before = gate.wait
    askers = [asyncio.create_task(ask(keys, f"invented-{number}", now=NOW)) for number in range(300)]
    await fetching(source, 2)
    gate.set()
    assert set(await asyncio.gather(*askers)) == {()}
    assert source.fetches == 2


async def test_a_key_that_stays_away_is_looked_for_less_and_less() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    fetched_at = []
    for second in range(450):
        before = source.fetches
        await ask(keys, "gone", now=NOW + second)
        fetched_at += [second] if source.fetches > before else []
    assert fetched_at == [0, 10, 30, 70, 150, 310]
    assert MAX_ABSENCE_SECONDS == 300


async def test_a_key_that_stays_away_takes_no_turn_from_one_that_is_new() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    for second in (0, 10, 29):
        await ask(keys, "gone", now=NOW + second)
    source.answer = BOTH
    assert len(await ask(keys, "new", now=NOW + 29)) == 1


async def test_memory_for_absent_keys_is_bounded() -> None:
    source = Keys(OLD)
    keys = cache(source)
    for number in range(2000):
        await ask(keys, f"invented-{number}", now=NOW + number * COOLDOWN_SECONDS)
    assert len(keys._absent) == 256


async def test_an_outage_of_the_issuer_is_none_of_the_callers() -> None:
    source, events = Keys(OLD), Events()
    keys = cache(source, events)
    await ask(keys, "old", now=NOW)
    source.answer = OUTAGE
    assert len(await ask(keys, "old", now=NOW + MAX_AGE)) == 1
    assert len(await ask(keys, "old", now=NOW + MAX_AGE + 1)) == 1
    assert source.fetches == 2, "one attempt in a cooldown"
    causes = [(event["issuer"], event["cause"]) for event in events.named("issuer_keys_unavailable")]
    assert causes == [("corp", "the issuer is down")]


async def test_in_an_outage_a_key_that_is_not_known_is_unavailable_and_not_invented() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = OUTAGE
    for second in range(30):
        with pytest.raises(UnavailableError):
            await ask(keys, "new", now=NOW + second)
        assert len(await ask(keys, "old", now=NOW + second)) == 1
    assert source.fetches == 4, "one attempt in a cooldown"
    source.answer = BOTH
    assert len(await ask(keys, "new", now=NOW + 30)) == 1


async def test_keys_of_an_issuer_that_stays_away_end() -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = OUTAGE
    assert len(await ask(keys, "old", now=NOW + KEEP_SECONDS - 1)) == 1
    with pytest.raises(UnavailableError):
        await ask(keys, "old", now=NOW + KEEP_SECONDS)


@pytest.mark.parametrize("broken", [b"<html>", key_set(), key_set({"kty": "oct", "k": "AA"})])
async def test_an_answer_that_is_no_key_set_does_not_replace_one(broken: Any) -> None:
    source = Keys(OLD)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = broken
    assert len(await ask(keys, "old", now=NOW + MAX_AGE)) == 1


async def test_a_key_that_its_issuer_withdrew_is_gone_with_the_next_fetch() -> None:
    source = Keys(BOTH)
    keys = cache(source)
    await ask(keys, "old", now=NOW)
    source.answer = NEW
    assert len(await ask(keys, "old", now=NOW + 1)) == 1
    await ask(keys, json.dumps("invented"), now=NOW + 2)
    assert await ask(keys, "old", now=NOW + 2) == ()
