from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.claims_cache import MAX_AGE_SECONDS, ClaimsCache
from pdp.tokens.signed.compact_token import MAX_TOKEN_BYTES
from pdp.tokens.signed.key_cache import KeyCache
from pdp.tokens.signed.verifier import IssuerTrust, TokenVerifier, TrustedIssuer
from tests.unit.tokens.minting import AUDIENCE, EC_KEY, ISSUER, NOW, OUTAGE, Events, Keys, claims, key_set, public_jwk
from tests.unit.tokens.minting import signed as sign

LEEWAY = 5
KEY_AGE = 600
ONE_KEY = key_set(public_jwk(EC_KEY, kid="k1"))
NO_KEY = key_set(public_jwk(EC_KEY, kid="another"))


class Witness:
    """A real verifier, and how often it was asked."""

    def __init__(self, *, trust: IssuerTrust = IssuerTrust.CONFIGURED) -> None:
        self.events = Events()
        self.keys = Keys(ONE_KEY)
        log = self.events.log()
        cache = KeyCache(self.keys, alias="corp", max_age=KEY_AGE, log=log)
        issuer = TrustedIssuer("corp", ISSUER, AUDIENCE, frozenset({"ES256"}), cache, trust)
        self._verifier = TokenVerifier([issuer], leeway=LEEWAY, log=log)
        self.asked = 0

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        self.asked += 1
        return await self._verifier.verify(token, now=now)


async def code(cache: ClaimsCache, token: str, *, now: float = NOW) -> ReasonCode:
    with pytest.raises(TokenError) as caught:
        await cache.verify(token, now=now)
    return caught.value.code


async def test_an_equal_token_is_verified_once_and_says_the_same() -> None:
    witness = Witness()
    cache, token = ClaimsCache(witness), sign(claims(groups=["eng"]))
    first = await cache.verify(token, now=NOW)
    assert await cache.verify(token, now=NOW + 1) == first == await witness.verify(token, now=NOW)
    assert witness.asked == 2


async def test_claims_of_one_token_never_answer_for_another() -> None:
    cache = ClaimsCache(Witness())
    alice, bob = sign(claims(sub="alice")), sign(claims(sub="bob"))
    for _ in range(2):
        assert (await cache.verify(alice, now=NOW)).subject == "alice"
        assert (await cache.verify(bob, now=NOW)).subject == "bob"


@pytest.mark.parametrize("position", [0, 20, -20, -1])
async def test_a_held_token_that_was_tampered_with_is_refused(position: int) -> None:
    cache, token = ClaimsCache(Witness()), sign(claims())
    await cache.verify(token, now=NOW)
    characters = list(token)
    characters[position] = "A" if characters[position] != "A" else "B"
    assert await code(cache, "".join(characters)) is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize("change", [" ", "\n", "=", ".", "\0"])
async def test_a_held_token_with_something_appended_is_refused(change: str) -> None:
    cache, token = ClaimsCache(Witness()), sign(claims())
    await cache.verify(token, now=NOW)
    assert await code(cache, token + change) is ReasonCode.TOKEN_INVALID


async def test_the_signature_of_a_held_token_does_not_help_another_payload() -> None:
    cache, alice, bob = ClaimsCache(Witness()), sign(claims(sub="alice")), sign(claims(sub="bob"))
    await cache.verify(alice, now=NOW)
    head, payload, _ = bob.split(".")
    assert await code(cache, f"{head}.{payload}.{alice.rpartition('.')[2]}") is ReasonCode.TOKEN_INVALID


async def test_a_held_token_expires_when_it_would_have_without_being_held() -> None:
    witness = Witness()
    cache, token = ClaimsCache(witness), sign(claims(exp=int(NOW) + 10))
    await cache.verify(token, now=NOW)
    await cache.verify(token, now=NOW + 9.9)
    assert witness.asked == 1
    await cache.verify(token, now=NOW + 10)  # within the verifier's leeway, and the verifier's to say
    await cache.verify(token, now=NOW + 10 + LEEWAY - 0.1)
    assert witness.asked == 3
    assert await code(cache, token, now=NOW + 10 + LEEWAY) is ReasonCode.TOKEN_EXPIRED
    assert await code(cache, token, now=NOW + 1_000_000) is ReasonCode.TOKEN_EXPIRED


async def test_a_token_is_not_believed_at_times_before_it_was_verified() -> None:
    cache, token = ClaimsCache(Witness()), sign(claims(nbf=int(NOW)))
    await cache.verify(token, now=NOW)
    assert await code(cache, token, now=NOW - 60) is ReasonCode.TOKEN_INVALID


async def test_a_withdrawn_key_is_noticed_when_the_claims_are_too_old() -> None:
    witness = Witness()
    cache, token = ClaimsCache(witness), sign(claims(exp=int(NOW) + 100_000))
    await cache.verify(token, now=NOW)
    last = NOW + KEY_AGE - 1
    await cache.verify(token, now=last)
    witness.keys.answer = NO_KEY
    await cache.verify(token, now=last + MAX_AGE_SECONDS - 1)
    assert await code(cache, token, now=last + MAX_AGE_SECONDS) is ReasonCode.TOKEN_INVALID
    assert await code(cache, token, now=last + MAX_AGE_SECONDS + 1) is ReasonCode.TOKEN_INVALID


async def test_a_use_does_not_make_claims_younger() -> None:
    witness = Witness()
    cache, token = ClaimsCache(witness, max_age=10), sign(claims())
    for second in range(0, 20, 2):
        await cache.verify(token, now=NOW + second)
    assert witness.asked == 2


async def test_a_refusal_is_never_held() -> None:
    witness = Witness()
    cache, token = ClaimsCache(witness), sign(claims())
    witness.keys.answer = OUTAGE
    assert await code(cache, token) is ReasonCode.ISSUER_UNAVAILABLE
    witness.keys.answer = ONE_KEY
    assert (await cache.verify(token, now=NOW + 11)).subject == "alice"


async def test_tokens_that_are_refused_push_none_out() -> None:
    witness = Witness()
    cache, token = ClaimsCache(witness, entries=1), sign(claims())
    await cache.verify(token, now=NOW)
    for number in range(20):
        await code(cache, sign(claims(aud=f"https://{number}.example.com/")))
    asked = witness.asked
    await cache.verify(token, now=NOW)
    assert witness.asked == asked


async def test_the_token_unused_for_longest_makes_room() -> None:
    witness = Witness()
    cache, tokens = ClaimsCache(witness, entries=2), [sign(claims(sub=name)) for name in ("a", "b", "c")]
    for index in (0, 1, 0, 2, 0):
        await cache.verify(tokens[index], now=NOW)
    assert witness.asked == 3
    await cache.verify(tokens[1], now=NOW)
    assert witness.asked == 4


class Many:
    """Says of a token that it is its issuer's whose alias comes before the first dot."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        self.asked.append(token)
        unread: dict[str, Any] = {}
        return VerifiedClaims(token.partition(".")[0], ISSUER, token, NOW + 300, unread)


async def test_tokens_of_one_issuer_push_none_of_anothers_out() -> None:
    verifier = Many()
    cache = ClaimsCache(verifier, entries=3)
    await cache.verify("quiet.1", now=NOW)
    for number in range(50):
        await cache.verify(f"busy.{number}", now=NOW)
    asked = len(verifier.asked)
    assert (await cache.verify("quiet.1", now=NOW)).subject == "quiet.1"
    for number in (47, 48, 49):
        assert (await cache.verify(f"busy.{number}", now=NOW)).subject == f"busy.{number}"
    assert len(verifier.asked) == asked
    await cache.verify("busy.46", now=NOW)
    assert len(verifier.asked) == asked + 1


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", ReasonCode.TOKEN_MISSING),
        ("\udcff\ud800", ReasonCode.TOKEN_INVALID),
        ("a.b.c", ReasonCode.TOKEN_INVALID),
        ("A" * (MAX_TOKEN_BYTES + 1), ReasonCode.TOKEN_INVALID),
    ],
)
async def test_what_is_no_token_is_refused_as_by_the_verifier(token: str, expected: ReasonCode) -> None:
    cache = ClaimsCache(Witness())
    for _ in range(2):
        assert await code(cache, token) is expected


async def test_each_use_of_an_unsafe_issuer_is_logged() -> None:
    witness = Witness(trust=IssuerTrust.UNSAFE_DEV)
    cache, token = ClaimsCache(witness, never={"corp"}), sign(claims())
    for _ in range(3):
        await cache.verify(token, now=NOW)
    assert len(witness.events.named("unsafe_dev_issuer_used")) == 3


class Lasting:
    """Says of every token that it expires at `expires_at`."""

    def __init__(self, expires_at: float) -> None:
        self._expires_at = expires_at
        self.asked = 0

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        self.asked += 1
        unread: dict[str, Any] = {}
        return VerifiedClaims("corp", ISSUER, "alice", self._expires_at, unread)


@pytest.mark.parametrize(("expires_at", "asked"), [(float("nan"), 2), (NOW - 1, 2), (float("inf"), 1)])
async def test_whenever_a_token_expires_its_claims_are_held_no_longer(expires_at: float, asked: int) -> None:
    verifier = Lasting(expires_at)
    cache = ClaimsCache(verifier)
    for _ in range(2):
        await cache.verify("token", now=NOW)
    assert verifier.asked == asked
    await cache.verify("token", now=NOW + MAX_AGE_SECONDS)
    assert verifier.asked == asked + 1
