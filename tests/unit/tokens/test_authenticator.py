from pathlib import Path
from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import UNBOUND, Confirmation, VerifiedClaims
from pdp.core.settings.identity import IdentitySettings
from pdp.tokens.authenticator import Authenticator
from pdp.tokens.presented import Presented, Scheme, bearer
from pdp.tokens.proof.possession import Possession
from pdp.tokens.trust import build_authenticator
from tests.unit.tokens.minting import AUDIENCE, EC_KEY, ISSUER, NOW, Events, claims, key_set, public_jwk, signed
from tests.unit.tokens.proof.proving import (
    CERTIFICATE,
    HOLDER_THUMBPRINT,
    checker,
    presented,
    proof,
    proof_claims,
    token_hash,
)


class Believing:
    """Believes every token; its claims carry the name that it was given."""

    def __init__(self, name: str, confirmation: Confirmation = UNBOUND) -> None:
        self._name = name
        self._confirmation = confirmation
        self.asked = 0

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        self.asked += 1
        return VerifiedClaims(self._name, ISSUER, "alice", now + 60, {}, confirmation=self._confirmation)


def everything(confirmation: Confirmation = UNBOUND) -> Authenticator:
    return Authenticator(
        Believing("signed", confirmation),
        possession=Possession(checker(), rules={}),
        opaque=Believing("opaque", confirmation),
        prefixed={"tgk_": Believing("keys"), "corp-": Believing("corp")},
        passwords=Believing("passwords"),
    )


def signed_only() -> Authenticator:
    return Authenticator(Believing("signed"), possession=Possession(checker(), rules={}))


@pytest.mark.parametrize(
    ("credential", "verifier"),
    [
        (bearer(signed(claims())), "signed"),
        (bearer(""), "signed"),
        (bearer("a.b.c"), "signed"),
        (bearer("a.b."), "signed"),
        (bearer(".."), "signed"),
        (bearer("a.b.c.d.e"), "signed"),
        (bearer(signed(claims()) + "=="), "signed"),
        (bearer("eyJhbGciOiJub25lIn0"), "signed"),
        (bearer("eyJhbGciOiJub25lIn0.e30"), "signed"),
        (bearer("eyJ with space"), "signed"),
        (bearer("opaque"), "opaque"),
        (bearer("ya29.opaque"), "opaque"),
        (bearer("a.b.c.d"), "opaque"),
        (bearer("b64/+~-._=="), "opaque"),
        (bearer("TGK_1"), "opaque"),
        (bearer("tgk_1"), "keys"),
        (bearer("tgk_"), "keys"),
        (bearer("corp-1"), "corp"),
        (bearer("corp-a.b.c"), "corp"),
        (Presented(Scheme.BASIC, "YTpi"), "passwords"),
        (Presented(Scheme.BASIC, "tgk_1"), "passwords"),
    ],
)
async def test_scheme_and_form_say_who_verifies(credential: Presented, verifier: str) -> None:
    assert (await everything().authenticate(credential, now=NOW)).alias == verifier


@pytest.mark.parametrize(
    "value",
    [" opaque", "opaque ", "opa que", "opaque\n", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\udcff", "=", "a" * 4097],
)
async def test_what_is_no_token_is_shown_to_nobody(value: str) -> None:
    opaque = Believing("opaque")
    authenticator = Authenticator(opaque, possession=Possession(checker(), rules={}), opaque=opaque)
    with pytest.raises(TokenError) as caught:
        await authenticator.authenticate(bearer(value), now=NOW)
    assert (caught.value.code, opaque.asked) == (ReasonCode.TOKEN_INVALID, 0)


@pytest.mark.parametrize(
    "credential",
    [bearer("opaque"), bearer("tgk_1"), Presented(Scheme.BASIC, "YTpi"), presented(proof(), token="opaque")],
)
async def test_what_is_not_configured_is_not_accepted(credential: Presented) -> None:
    with pytest.raises(TokenError) as caught:
        await signed_only().authenticate(credential, now=NOW)
    assert caught.value.code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize("token", [signed(claims()), "opaque"])
async def test_the_holder_is_checked_on_every_request(token: str) -> None:
    authenticator = everything(Confirmation(key=HOLDER_THUMBPRINT))
    for jti in ("one", "two"):
        text = proof(proof_claims(jti=jti, ath=token_hash(token)))
        verified = await authenticator.authenticate(presented(text, token=token), now=NOW)
        assert verified.subject == "alice"
        for credential in (presented(text, token=token), presented(None, token=token), bearer(token)):
            with pytest.raises(TokenError) as caught:
                await authenticator.authenticate(credential, now=NOW)
            assert caught.value.code is ReasonCode.PROOF_INVALID


async def test_a_proof_makes_no_api_key_better() -> None:
    text = proof(proof_claims(ath=token_hash("tgk_1")))
    with pytest.raises(TokenError) as caught:
        await everything().authenticate(presented(text, token="tgk_1"), now=NOW)
    assert caught.value.code is ReasonCode.PROOF_INVALID


def configured(base: Path, **issuer: Any) -> Authenticator:
    """What the settings of one issuer of signed tokens make."""
    (base / "keys").write_bytes(key_set(public_jwk(EC_KEY, kid="k1")))
    usual = {"alias": "corp", "issuer": ISSUER, "audience": AUDIENCE, "jwks": "keys"}
    settings = IdentitySettings.model_validate({"issuers": [usual | issuer]})
    return build_authenticator(settings, base=base, log=Events().log())


async def test_a_signed_token_bound_to_a_key_needs_a_proof_also_when_its_claims_are_held(tmp_path: Path) -> None:
    authenticator = configured(tmp_path, dpop="required")
    token = signed(claims(cnf={"jkt": HOLDER_THUMBPRINT}))
    for jti in ("one", "two"):
        text = proof(proof_claims(jti=jti, ath=token_hash(token)))
        assert (await authenticator.authenticate(presented(text, token=token), now=NOW)).subject == "alice"
        for credential in (presented(text, token=token), bearer(token), bearer(signed(claims()))):
            with pytest.raises(TokenError) as caught:
                await authenticator.authenticate(credential, now=NOW)
            assert caught.value.code is ReasonCode.PROOF_INVALID


async def test_a_signed_token_bound_to_a_certificate_needs_it_also_when_its_claims_are_held(tmp_path: Path) -> None:
    authenticator = configured(tmp_path, certificate_bound="required")
    token = signed(claims(cnf={"x5t#S256": CERTIFICATE}))
    for _ in range(2):
        shown = presented(None, token=token, scheme=Scheme.BEARER, certificate=CERTIFICATE)
        assert (await authenticator.authenticate(shown, now=NOW)).subject == "alice"
        other = presented(None, token=token, scheme=Scheme.BEARER, certificate=HOLDER_THUMBPRINT)
        for credential in (other, bearer(token), bearer(signed(claims()))):
            with pytest.raises(TokenError) as caught:
                await authenticator.authenticate(credential, now=NOW)
            assert caught.value.code is ReasonCode.PROOF_INVALID
