import json
from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import Confirmation, CredentialKind, VerifiedClaims
from pdp.tokens.fetch.unavailable import UnavailableError
from pdp.tokens.introspection.answer import MAX_ANSWER_BYTES, judge, read_answer
from tests.unit.tokens.introspection.endpoint import BELIEVED, CLIENTS_OWN, LEEWAY, MAX_AGE, active, expected
from tests.unit.tokens.minting import AUDIENCE, ISSUER, NOW
from tests.unit.tokens.proof.proving import CERTIFICATE, HOLDER_THUMBPRINT

INVALID, MISMATCH = ReasonCode.TOKEN_INVALID, ReasonCode.AUDIENCE_MISMATCH
UNPROVEN, EXPIRED = ReasonCode.PROOF_INVALID, ReasonCode.TOKEN_EXPIRED


def judged(answer: dict[str, Any], **changes: Any) -> VerifiedClaims:
    return judge(answer, by=expected(**changes), now=NOW)


def test_an_active_token_says_what_its_issuer_says() -> None:
    answer = active(groups=["eng"])
    found = judged(answer)
    assert found == VerifiedClaims("corp", ISSUER, "alice", NOW + 300, answer, CredentialKind.INTROSPECTED)


@pytest.mark.parametrize(
    "answer",
    [
        active(iss=None),
        active(token_type=None),
        active(token_type="bearer"),
        active(token_type="DPoP", cnf={"jkt": HOLDER_THUMBPRINT}),
        active(aud=[AUDIENCE]),
        active(aud=["https://other.example.com/", AUDIENCE]),
        active(scope=None),
        active(client_id=None),
        active(iat=None, nbf=int(NOW) + LEEWAY),
        active(exp=int(NOW) - LEEWAY + 1),
        active(exp=NOW + 0.5),
    ],
)
def test_what_an_issuer_may_say_otherwise_is_accepted(answer: dict[str, Any]) -> None:
    assert judged(answer).subject == "alice"


def test_a_token_without_an_end_is_good_as_long_as_the_answer() -> None:
    assert judged(active(exp=None)).expires_at == NOW + MAX_AGE


@pytest.mark.parametrize(
    "answer", [active(exp=None), active(exp=int(NOW) + 3601), active(exp=int(NOW) + 3601, iat=None)]
)
def test_a_token_that_may_live_longer_than_the_issuers_may_is_refused(answer: dict[str, Any]) -> None:
    assert judged(active(), max_lifetime=3600).subject == "alice"
    with pytest.raises(TokenError) as caught:
        judged(answer, max_lifetime=3600, leeway=0)
    assert caught.value.code is INVALID


@pytest.mark.parametrize(
    ("cnf", "confirmation"),
    [
        ({"jkt": HOLDER_THUMBPRINT}, Confirmation(key=HOLDER_THUMBPRINT)),
        ({"x5t#S256": CERTIFICATE}, Confirmation(certificate=CERTIFICATE)),
        ({"jkt": HOLDER_THUMBPRINT, "x5t#S256": CERTIFICATE}, Confirmation(HOLDER_THUMBPRINT, CERTIFICATE)),
    ],
)
def test_what_a_token_is_bound_to_is_kept(cnf: dict[str, str], confirmation: Confirmation) -> None:
    assert judged(active(cnf=cnf)).confirmation == confirmation


REFUSED: list[tuple[dict[str, Any], ReasonCode]] = [
    ({"active": False}, INVALID),
    (active(active=False), INVALID),
    # no access token
    (active(token_type="refresh_token"), INVALID),
    (active(token_type="Refresh"), INVALID),
    (active(token_type="mac"), INVALID),
    (active(token_type=""), INVALID),
    (active(token_type=["Bearer"]), INVALID),
    ({**active(), "token_type": None}, INVALID),
    # another issuer
    (active(iss="https://evil.example.com/"), INVALID),
    (active(iss=ISSUER.rstrip("/")), INVALID),
    (active(iss=ISSUER.upper()), INVALID),
    (active(iss=[ISSUER]), INVALID),
    ({**active(), "iss": None}, INVALID),
    # times
    (active(exp=int(NOW) - LEEWAY), EXPIRED),
    (active(exp=-1), EXPIRED),
    (active(exp=0), EXPIRED),
    (active(exp=str(int(NOW) + 300)), INVALID),
    (active(exp=True), INVALID),
    ({**active(), "exp": None}, INVALID),
    (active(nbf=int(NOW) + LEEWAY + 1), INVALID),
    (active(nbf="0"), INVALID),
    (active(iat=int(NOW) + LEEWAY + 1), INVALID),
    (active(iat=[0]), INVALID),
    # another audience
    (active(aud=None), MISMATCH),
    ({**active(), "aud": None}, MISMATCH),
    (active(aud=""), MISMATCH),
    (active(aud=[]), MISMATCH),
    (active(aud=AUDIENCE + "/"), MISMATCH),
    (active(aud=AUDIENCE.upper()), MISMATCH),
    (active(aud=["https://other.example.com/"]), MISMATCH),
    (active(aud=[AUDIENCE, 1]), MISMATCH),
    (active(aud=[[AUDIENCE]]), MISMATCH),
    (active(aud={AUDIENCE: True}), MISMATCH),
    (active(aud=[AUDIENCE] * 65), MISMATCH),
    # nobody
    (active(sub=None), INVALID),
    (active(sub=""), INVALID),
    (active(sub=1), INVALID),
    ({**active(), "sub": None}, INVALID),
    (active(client_id=""), INVALID),
    (active(client_id=1), INVALID),
    ({**active(), "client_id": None}, INVALID),
    (active(scope=["read"]), INVALID),
    ({**active(), "scope": None}, INVALID),
    # bound to what cannot be checked
    (active(cnf={}), UNPROVEN),
    ({**active(), "cnf": None}, UNPROVEN),
    (active(cnf="jkt"), UNPROVEN),
    (active(cnf={"kid": "1"}), UNPROVEN),
    (active(cnf={"jkt": ""}), UNPROVEN),
    (active(cnf={"jkt": HOLDER_THUMBPRINT, "jwk": {}}), UNPROVEN),
    (active(cnf={"x5t#S256": CERTIFICATE + "="}), UNPROVEN),
    (active(token_type="DPoP"), UNPROVEN),
    (active(token_type="dpop", cnf={"x5t#S256": CERTIFICATE}), UNPROVEN),
]


@pytest.mark.parametrize(("answer", "code"), REFUSED)
def test_an_answer_that_breaks_a_rule_lets_nobody_in(answer: dict[str, Any], code: ReasonCode) -> None:
    for changes in ({}, CLIENTS_OWN | BELIEVED if "sub" in answer and "aud" in answer else {}):
        with pytest.raises(TokenError) as caught:
            judged(answer, **changes)
        assert caught.value.code is code


def test_an_endpoint_for_one_audience_need_not_name_it_but_a_wrong_one_is_refused() -> None:
    assert judged(active(aud=None), **BELIEVED).subject == "alice"
    for answer in (active(aud="https://other.example.com/"), {**active(), "aud": None}, active(aud=[])):
        with pytest.raises(TokenError) as caught:
            judged(answer, **BELIEVED)
        assert caught.value.code is MISMATCH


def test_without_audience_and_type_a_token_could_be_any() -> None:
    with pytest.raises(TokenError) as caught:
        judged(active(aud=None, token_type=None), **BELIEVED)
    assert caught.value.code is MISMATCH


def test_a_token_without_a_subject_is_its_clients_own_where_the_settings_say_so() -> None:
    found = judged(active(sub=None), **CLIENTS_OWN)
    assert (found.subject, found.claims["sub"], found.claims["client_id"]) == ("agent", "agent", "agent")
    assert judged(active(), **CLIENTS_OWN).subject == "alice"
    for answer in (active(sub=None, client_id=None), active(sub=""), {**active(), "sub": None}):
        with pytest.raises(TokenError) as caught:
            judged(answer, **CLIENTS_OWN)
        assert caught.value.code is INVALID


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>active</html>",
        b"true",
        b"[]",
        b"null",
        b"{}",
        b'{"active": null}',
        b'{"active": 1}',
        b'{"active": "true"}',
        b'{"active": "false"}',
        b'{"active": [true]}',
        b'{"Active": true}',
        b'{"active": false, "active": true}',
        b'{"active": true, "sub": "alice", "sub": "admin"}',
        b'{"active": true, "exp": 1e400}',
        b'{"active": true, "exp": NaN}',
        b'{"active": true} {"active": true}',
        b'\xef\xbb\xbf{"active": true}',
        b'{"active": true, "sub": "\\ud800"}',
        b'{"active": true, "a":' + b"[" * 40 + b"]" * 40 + b"}",
        json.dumps({"active": True, "filler": "x" * MAX_ANSWER_BYTES}).encode(),
    ],
)
def test_what_does_not_say_whether_a_token_is_active_says_nothing(raw: bytes) -> None:
    with pytest.raises(UnavailableError):
        read_answer(raw)
