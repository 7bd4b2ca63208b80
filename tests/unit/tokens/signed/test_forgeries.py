import pytest

from pdp.core.contract.errors import TokenError
from pdp.tokens.claims_cache import ClaimsCache
from pdp.tokens.signed.key_cache import KeyCache
from pdp.tokens.signed.verifier import TokenVerifier, TrustedIssuer
from tests.unit.tokens.minting import ED_KEY, RSA_KEY, Events, Keys
from tests.unit.tokens.signed.forgeries import forgeries
from tests.unit.tokens.signed.forging import TRUSTED_ALGORITHMS, TRUSTED_KEYS, Scene

SCENE = Scene()
FORGERIES = forgeries(SCENE)


def deceived(*, leeway: float) -> ClaimsCache:
    log = Events().log()
    keys = KeyCache(Keys(TRUSTED_KEYS), alias="corp", max_age=600, log=log)
    issuer = TrustedIssuer("corp", SCENE.issuer, SCENE.audience, frozenset(TRUSTED_ALGORITHMS), keys)
    return ClaimsCache(TokenVerifier([issuer], leeway=leeway, log=log))


async def test_the_scene_believes_what_is_not_forged() -> None:
    verifier = deceived(leeway=5)
    rsa = SCENE.token(SCENE.header(alg="RS256", kid="rsa"), SCENE.claims(), key=RSA_KEY, algorithm="RS256")
    ed = SCENE.token(SCENE.header(alg="EdDSA", kid="ed"), SCENE.claims(), key=ED_KEY, algorithm="EdDSA")
    for token in (SCENE.good(), rsa, ed, SCENE.with_header(kid=...), SCENE.with_header(x5t="AA", future=[1])):
        assert (await verifier.verify(token, now=SCENE.now)).subject == "alice"


@pytest.mark.parametrize("leeway", [1, 60])
@pytest.mark.parametrize("name", FORGERIES)
async def test_no_forgery_is_believed_and_each_has_its_code(name: str, leeway: float) -> None:
    token, code = FORGERIES[name]
    verifier = deceived(leeway=leeway)
    await verifier.verify(SCENE.good(), now=SCENE.now)  # what is held helps no forgery either
    with pytest.raises(TokenError) as caught:
        await verifier.verify(token, now=SCENE.now)
    assert caught.value.code is code


def test_the_corpus_is_large() -> None:
    assert len(FORGERIES) > 250
