from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import UNBOUND, Confirmation
from pdp.tokens.signed.confirmation import read_confirmation

KEY = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
CERTIFICATE = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"


def test_a_token_without_the_claim_is_bound_to_nothing() -> None:
    assert read_confirmation({"sub": "alice"}) == UNBOUND


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"jkt": KEY}, Confirmation(key=KEY)),
        ({"x5t#S256": CERTIFICATE}, Confirmation(certificate=CERTIFICATE)),
        ({"jkt": KEY, "x5t#S256": CERTIFICATE}, Confirmation(KEY, CERTIFICATE)),
    ],
)
def test_thumbprints_are_what_the_holder_must_show(members: dict[str, str], expected: Confirmation) -> None:
    assert read_confirmation({"cnf": members}) == expected


@pytest.mark.parametrize(
    "members",
    [
        None,
        {},
        [],
        "",
        KEY,
        1,
        {"jkt": None},
        {"jkt": ""},
        {"jkt": [KEY]},
        {"jkt": KEY[:-1]},
        {"jkt": KEY + "A"},
        {"jkt": KEY + "="},
        {"jkt": KEY + "\n"},
        {"jkt": KEY[:-1] + "J"},
        {"jkt": KEY.replace("-", "+")},
        {"JKT": KEY},
        {"x5t": CERTIFICATE},
        {"kid": "k1"},
        {"jwk": {"kty": "EC"}},
        {"jwe": "x"},
        {"jku": "https://evil.example.com/"},
        {"jkt": KEY, "kid": "k1"},
        {"jkt": KEY, "x5t#S256": None},
        {"osc": {}},
    ],
)
def test_what_cannot_be_checked_is_refused(members: Any) -> None:
    with pytest.raises(TokenError) as caught:
        read_confirmation({"cnf": members})
    assert caught.value.code is ReasonCode.PROOF_INVALID
