from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import UNBOUND, Confirmation
from pdp.core.settings.possession import Binding
from pdp.tokens.presented import Presented, Scheme
from pdp.tokens.proof.possession import BindingRule, Possession
from tests.unit.tokens.minting import EC_KEY, NOW
from tests.unit.tokens.proof.proving import (
    CERTIFICATE,
    HOLDER_THUMBPRINT,
    checker,
    presented,
    proof,
    verified,
)

KEY = Confirmation(key=HOLDER_THUMBPRINT)
CERT = Confirmation(certificate=CERTIFICATE)
BOTH = Confirmation(HOLDER_THUMBPRINT, CERTIFICATE)
REQUIRED = Binding.REQUIRED


def check(shown: Presented, confirmation: Confirmation, **rule: Binding) -> None:
    rules = {"corp": BindingRule(**rule), "other": BindingRule(REQUIRED, REQUIRED)}
    Possession(checker(), rules=rules).check(shown, verified(confirmation), now=NOW)


def bearer(**seen: Any) -> Presented:
    return presented(None, scheme=Scheme.BEARER, **seen)


def dpop(**seen: Any) -> Presented:
    return presented(proof(), **seen)


@pytest.mark.parametrize(
    ("shown", "confirmation", "rule"),
    [
        (bearer(), UNBOUND, {}),
        (bearer(certificate=CERTIFICATE), UNBOUND, {}),
        (dpop(), KEY, {}),
        (dpop(), KEY, {"key": REQUIRED}),
        (bearer(certificate=CERTIFICATE), CERT, {}),
        (bearer(certificate=CERTIFICATE), CERT, {"certificate": REQUIRED}),
        (dpop(certificate=CERTIFICATE), BOTH, {}),
        (dpop(certificate=CERTIFICATE), BOTH, {"key": REQUIRED, "certificate": REQUIRED}),
    ],
)
def test_who_shows_what_the_token_is_bound_to_is_its_holder(
    shown: Presented, confirmation: Confirmation, rule: dict[str, Binding]
) -> None:
    check(shown, confirmation, **rule)


@pytest.mark.parametrize(
    ("shown", "confirmation", "rule"),
    [
        # a bound token as a bearer token, with or without a proof beside it
        (bearer(), KEY, {}),
        (bearer(proof=proof()), KEY, {}),
        (bearer(certificate=CERTIFICATE), KEY, {}),
        (bearer(certificate=CERTIFICATE), BOTH, {}),
        # a proof for a token that is bound to no key
        (dpop(), UNBOUND, {}),
        (dpop(certificate=CERTIFICATE), CERT, {}),
        # no proof, or one by another key
        (presented(None), KEY, {}),
        (presented(proof(key=EC_KEY)), KEY, {}),
        (presented(proof(key=EC_KEY), certificate=CERTIFICATE), BOTH, {}),
        # no certificate, another, nearly the same
        (bearer(), CERT, {}),
        (dpop(), BOTH, {}),
        (bearer(certificate=""), CERT, {}),
        (bearer(certificate=HOLDER_THUMBPRINT), CERT, {}),
        (bearer(certificate=CERTIFICATE[:-1]), CERT, {}),
        (bearer(certificate=CERTIFICATE + "="), CERT, {}),
        (bearer(certificate=CERTIFICATE.swapcase()), CERT, {}),
        (bearer(certificate="\N{LATIN SMALL LETTER E WITH ACUTE}\udcff"), CERT, {}),
        (dpop(certificate=HOLDER_THUMBPRINT), BOTH, {}),
        # tokens that should be bound
        (bearer(), UNBOUND, {"key": REQUIRED}),
        (dpop(), UNBOUND, {"key": REQUIRED}),
        (bearer(certificate=CERTIFICATE), CERT, {"key": REQUIRED}),
        (bearer(certificate=CERTIFICATE), UNBOUND, {"certificate": REQUIRED}),
        (dpop(), KEY, {"certificate": REQUIRED}),
        (dpop(certificate=CERTIFICATE), KEY, {"key": REQUIRED, "certificate": REQUIRED}),
        # a confirmation that names nothing
        (bearer(), Confirmation(key=""), {}),
        (dpop(), Confirmation(key=""), {}),
        (bearer(), Confirmation(certificate=""), {}),
    ],
)
def test_who_does_not_is_refused(shown: Presented, confirmation: Confirmation, rule: dict[str, Binding]) -> None:
    with pytest.raises(TokenError) as caught:
        check(shown, confirmation, **rule)
    assert (caught.value.code, caught.value.nonce) == (ReasonCode.PROOF_INVALID, None)


def test_one_issuers_rule_is_not_anothers() -> None:
    possession = Possession(checker(), rules={"corp": BindingRule(), "other": BindingRule(REQUIRED, REQUIRED)})
    possession.check(bearer(), verified(UNBOUND), now=NOW)
    with pytest.raises(TokenError):
        possession.check(bearer(), verified(UNBOUND, alias="other"), now=NOW)


def test_a_missing_certificate_uses_no_proof_up() -> None:
    possession = Possession(checker(), rules={})
    with pytest.raises(TokenError):
        possession.check(dpop(), verified(BOTH), now=NOW)
    possession.check(dpop(certificate=CERTIFICATE), verified(BOTH), now=NOW)
