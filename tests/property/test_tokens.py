import asyncio
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.claims_cache import ClaimsCache
from pdp.tokens.signed.key_cache import KeyCache
from pdp.tokens.signed.verifier import TokenVerifier, TrustedIssuer
from tests.unit.tokens.minting import EC_KEY, ED_KEY, NOW, RSA_KEY, Events, Keys
from tests.unit.tokens.signed.forging import TRUSTED_ALGORITHMS, TRUSTED_KEYS, Scene

SCENE = Scene()
BASE64URL = string.ascii_letters + string.digits + "-_"
GOOD = {
    algorithm: SCENE.token(SCENE.header(alg=algorithm, kid=name), SCENE.claims(), key=key, algorithm=algorithm)
    for algorithm, name, key in (("ES256", "k1", EC_KEY), ("RS256", "rsa", RSA_KEY), ("EdDSA", "ed", ED_KEY))
}
TIMES: st.SearchStrategy[Any] = st.one_of(
    st.integers(int(NOW) - 100, int(NOW) + 100),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([None, True, "0", [], {}]),
)


def verifier() -> ClaimsCache:
    log = Events().log()
    keys = KeyCache(Keys(TRUSTED_KEYS), alias="corp", max_age=600, log=log)
    issuer = TrustedIssuer("corp", SCENE.issuer, SCENE.audience, frozenset(TRUSTED_ALGORITHMS), keys)
    return ClaimsCache(TokenVerifier([issuer], leeway=5, log=log))


async def refused(subject: ClaimsCache, token: str) -> ReasonCode:
    with pytest.raises(TokenError) as caught:
        await subject.verify(token, now=NOW)
    return caught.value.code


@pytest.mark.parametrize(("algorithm", "others"), [("ES256", 64), ("RS256", 6), ("EdDSA", 6)])
async def test_no_character_of_a_token_can_be_another(algorithm: str, others: int) -> None:
    good, subject = GOOD[algorithm], verifier()
    assert (await subject.verify(good, now=NOW)).subject == "alice"
    for position, character in enumerate(good):
        start = (BASE64URL.find(character) + position) % 64
        for other in {*(BASE64URL * 2)[start : start + others], ".", "=", " "} - {character}:
            await refused(subject, good[:position] + other + good[position + 1 :])


@pytest.mark.parametrize("algorithm", GOOD)
async def test_the_last_character_of_each_segment_has_one_spelling(algorithm: str) -> None:
    good, subject = GOOD[algorithm], verifier()
    ends = [position - 1 for position, character in enumerate(f"{good}.") if character == "."]
    for position in ends:
        for other in set(BASE64URL) - {good[position]}:
            await refused(subject, good[:position] + other + good[position + 1 :])


@given(st.sampled_from(sorted(GOOD)), st.integers(0, 10_000), st.text(max_size=3), st.integers(0, 3))
def test_nothing_can_be_put_into_a_token_or_taken_out(algorithm: str, at: int, put: str, taken: int) -> None:
    good = GOOD[algorithm]
    position = at % (len(good) + 1)
    changed = good[:position] + put + good[position + taken :]
    if changed != good:
        asyncio.run(refused(verifier(), changed))


@settings(max_examples=300)
@given(TIMES, TIMES, TIMES)
def test_a_token_is_believed_at_its_time_and_at_no_other(exp: Any, nbf: Any, iat: Any) -> None:
    token = SCENE.with_claims(exp=exp, nbf=nbf, iat=iat)
    times = [at for at in (exp, nbf, iat) if isinstance(at, int | float) and not isinstance(at, bool)]
    can_be_written = all(isinstance(at, float) or at >= -(2**63) for at in times)
    are_times = len(times) == 3 and max(times) <= 253_402_300_799 and can_be_written
    if are_times and exp > NOW - 5 and nbf <= NOW + 5 and iat <= NOW + 5:
        assert asyncio.run(verifier().verify(token, now=NOW)).expires_at == exp
    else:
        assert asyncio.run(refused(verifier(), token)) in {ReasonCode.TOKEN_INVALID, ReasonCode.TOKEN_EXPIRED}
