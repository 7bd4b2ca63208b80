import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import Confirmation, VerifiedClaims
from pdp.tokens.signed.key_cache import KeyCache
from pdp.tokens.signed.verifier import IssuerTrust, TokenVerifier, TrustedIssuer
from tests.unit.tokens.minting import (
    AUDIENCE,
    EC_KEY,
    ED_KEY,
    ISSUER,
    NOW,
    OUTAGE,
    RSA_KEY,
    Events,
    Keys,
    claims,
    key_set,
    public_jwk,
    segment,
    sign_text,
    signed,
)

EVERY_KEY = key_set(
    public_jwk(EC_KEY, kid="k1"), public_jwk(RSA_KEY, kid="rsa"), public_jwk(ED_KEY, kid="ed", alg="EdDSA", use="sig")
)


def verifier(
    keys: bytes | Exception = EVERY_KEY,
    *,
    algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA"),
    events: Events | None = None,
    **named: Any,
) -> TokenVerifier:
    log = (Events() if events is None else events).log()
    cache = KeyCache(Keys(keys), alias="corp", max_age=600, log=log)
    issuer = TrustedIssuer("corp", ISSUER, AUDIENCE, frozenset(algorithms), cache, **named)
    return TokenVerifier([issuer], leeway=5, log=log)


async def refusal(token: str, **named: Any) -> TokenError:
    with pytest.raises(TokenError) as caught:
        await verifier(**named).verify(token, now=NOW)
    return caught.value


async def test_a_good_token_gives_its_claims() -> None:
    payload = claims(groups=["eng"], scope="mcp:call")
    assert await verifier().verify(signed(payload), now=NOW) == VerifiedClaims(
        alias="corp", issuer=ISSUER, subject="alice", expires_at=NOW + 300, claims=payload
    )


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(EC_KEY, "ES256", "k1"), (RSA_KEY, "RS256", "rsa"), (ED_KEY, "EdDSA", "ed")]
)
async def test_each_pinned_algorithm_verifies(key: Any, algorithm: str, kid: str) -> None:
    token = signed(claims(), key=key, algorithm=algorithm, kid=kid)
    assert (await verifier().verify(token, now=NOW)).subject == "alice"


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "AT+JWT", "Application/At+Jwt"])
async def test_the_type_of_access_tokens_is_taken(kind: str) -> None:
    assert (await verifier().verify(signed(claims(), typ=kind), now=NOW)).subject == "alice"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "application/jwt", None])
async def test_tokens_that_do_not_say_what_they_are_are_taken_where_that_is_written(kind: str | None) -> None:
    token = signed(claims(), typ=kind)
    lax = verifier(token_types=frozenset({"jwt"}))
    assert (await lax.verify(token, now=NOW)).subject == "alice"
    assert (await refusal(token)).code is ReasonCode.TOKEN_INVALID
    assert (await refusal(signed(claims()), token_types=frozenset({"jwt"}))).code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize(("iat", "exp", "is_taken"), [
    (0, 600, True),
    (0, 601, False),
    (-500, 100, True),
    (-501, 100, False),
    (None, 605, True),
    (None, 606, False),
])  # fmt: skip
async def test_a_lifetime_can_be_bounded(iat: int | None, exp: int, *, is_taken: bool) -> None:
    token = signed(claims(iat=None if iat is None else NOW + iat, exp=NOW + exp))
    assert (await verifier().verify(token, now=NOW)).expires_at == NOW + exp
    if is_taken:
        assert (await verifier(max_lifetime=600).verify(token, now=NOW)).expires_at == NOW + exp
    else:
        assert (await refusal(token, max_lifetime=600)).code is ReasonCode.TOKEN_INVALID


async def test_what_the_holder_must_show_goes_along() -> None:
    thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    found = await verifier().verify(signed(claims(cnf={"jkt": thumbprint})), now=NOW)
    assert found.confirmation == Confirmation(key=thumbprint)
    assert (await refusal(signed(claims(cnf={"kid": "k1"})))).code is ReasonCode.PROOF_INVALID


async def test_a_token_of_one_issuer_never_passes_for_anothers_whatever_key_signed_it() -> None:
    log = Events().log()
    stranger = ec.generate_private_key(ec.SECP256R1())
    other = "https://other.example.com/"
    issuers = [
        TrustedIssuer(
            alias,
            name,
            AUDIENCE,
            frozenset({"ES256"}),
            KeyCache(Keys(key_set(public_jwk(key, kid="k1"))), alias=alias, max_age=600, log=log),
        )
        for alias, name, key in (("corp", ISSUER, EC_KEY), ("other", other, stranger))
    ]
    both = TokenVerifier(issuers, leeway=5, log=log)
    for name, key, alias in ((ISSUER, EC_KEY, "corp"), (other, stranger, "other")):
        assert (await both.verify(signed(claims(iss=name), key=key), now=NOW)).alias == alias
    for name, key in ((ISSUER, stranger), (other, EC_KEY)):
        with pytest.raises(TokenError) as caught:
            await both.verify(signed(claims(iss=name), key=key), now=NOW)
        assert caught.value.code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize("kind", ["id_token", "dpop+jwt", "logout+jwt", "secevent+jwt", "", 1, [], {}])
async def test_tokens_of_another_type_are_refused(kind: Any) -> None:
    assert (await refusal(signed(claims(), typ=kind))).code is ReasonCode.TOKEN_INVALID


async def test_no_token_is_missing() -> None:
    assert (await refusal("")).code is ReasonCode.TOKEN_MISSING


@pytest.mark.parametrize("audience", [[AUDIENCE], ["https://other.example.com", AUDIENCE]])
async def test_an_audience_in_a_list_counts(audience: list[str]) -> None:
    assert (await verifier().verify(signed(claims(aud=audience)), now=NOW)).subject == "alice"


@pytest.mark.parametrize(
    "audience",
    [
        None,
        "https://other.example.com",
        AUDIENCE + "/",
        AUDIENCE.upper(),
        "",
        [],
        [AUDIENCE, 1],
        [[AUDIENCE]],
        {"aud": AUDIENCE},
        f"{AUDIENCE} https://other.example.com",
        1,
        True,
    ],
)
async def test_another_or_no_audience_is_refused(audience: Any) -> None:
    assert (await refusal(signed(claims(aud=audience)))).code is ReasonCode.AUDIENCE_MISMATCH


@pytest.mark.parametrize("exp", [NOW - 6, NOW - 5, NOW - 1e9, 0, -1])
async def test_an_expired_token_is_refused(exp: float) -> None:
    assert (await refusal(signed(claims(exp=exp)))).code is ReasonCode.TOKEN_EXPIRED


async def test_the_leeway_is_a_bound_on_each_side() -> None:
    assert (await verifier().verify(signed(claims(exp=NOW - 4.5)), now=NOW)).expires_at == NOW - 4.5
    assert (await verifier().verify(signed(claims(nbf=NOW + 5, iat=NOW + 5)), now=NOW)).subject == "alice"


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": str(int(NOW) + 300)},
        {"exp": True},
        {"exp": [NOW + 300]},
        {"nbf": NOW + 6},
        {"iat": NOW + 6},
        {"nbf": "0"},
        {"iat": False},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["alice"]},
        {"iss": None},
        {"iss": ISSUER.rstrip("/")},
        {"iss": ISSUER.upper()},
        {"iss": [ISSUER]},
        {"iss": "https://evil.example.com/"},
    ],
)
async def test_claims_that_cannot_be_believed_are_refused(change: dict[str, Any]) -> None:
    assert (await refusal(signed(claims(**change)))).code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize("name", ["nbf", "iat"])
async def test_a_null_time_is_no_absent_time(name: str) -> None:
    assert (await refusal(signed(claims() | {name: None}))).code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize(
    "header",
    [
        {"x5c": ["MIIB"]},
        {"enc": "A128GCM"},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"kid": "K1"},
        {"crit": ["exp"]},
        {"crit": []},
        {"jku": "https://evil.example.com/jwks"},
        {"x5u": "https://evil.example.com/cert"},
        {"jwk": public_jwk(EC_KEY)},
        {"b64": False},
        {"b64": True},
        {"kid": ""},
        {"kid": 1},
        {"kid": ["k1"]},
        {"kid": "k" * 513},
        {"kid": "nobody"},
        {"kid": "../../../dev/null"},
        {"kid": "k1' OR '1'='1"},
        {"kid": "k1\0"},
    ],
)
async def test_headers_that_choose_or_smuggle_a_key_are_refused(header: dict[str, Any]) -> None:
    assert (await refusal(signed(claims(), **header))).code is ReasonCode.TOKEN_INVALID


async def test_a_key_name_that_cannot_be_seen_is_refused_even_where_the_issuer_publishes_it() -> None:
    hidden = "k1\u200b"
    keys = key_set(public_jwk(EC_KEY, kid=hidden))
    assert (await refusal(signed(claims(), kid=hidden), keys=keys)).code is ReasonCode.TOKEN_INVALID


async def test_a_letter_that_folds_to_one_of_the_types_is_another() -> None:
    types = frozenset({"kind+jwt"})
    assert (await verifier(token_types=types).verify(signed(claims(), typ="KIND+jwt"), now=NOW)).subject == "alice"
    assert (await refusal(signed(claims(), typ="\u212aind+jwt"), token_types=types)).code is ReasonCode.TOKEN_INVALID


async def test_an_unsigned_token_is_refused() -> None:
    body = segment(json.dumps(claims()).encode())
    for algorithm in ("none", "None", "NONE", "nOnE"):
        head = segment(json.dumps({"alg": algorithm, "typ": "at+jwt"}).encode())
        for signature in ("", ".", segment(b"x")):
            assert (await refusal(f"{head}.{body}.{signature}")).code is ReasonCode.TOKEN_INVALID


async def test_a_public_key_is_no_hmac_secret() -> None:
    pem = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = segment(json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}).encode())
    body = segment(json.dumps(claims()).encode())
    token = f"{head}.{body}.{segment(hmac.digest(pem, f'{head}.{body}'.encode(), 'sha256'))}"
    for algorithms in (("RS256",), ("RS256", "HS256")):
        assert (await refusal(token, algorithms=algorithms)).code is ReasonCode.TOKEN_INVALID


async def test_an_algorithm_the_issuer_does_not_use_is_refused() -> None:
    token = signed(claims(), key=RSA_KEY, algorithm="RS256", kid="rsa")
    assert (await refusal(token, algorithms=("ES256",))).code is ReasonCode.TOKEN_INVALID
    other = signed(claims(), key=RSA_KEY, algorithm="PS256", kid="rsa")
    assert (await refusal(other)).code is ReasonCode.TOKEN_INVALID


async def test_a_key_of_another_kind_under_the_same_name_does_not_verify() -> None:
    keys = key_set(public_jwk(RSA_KEY, kid="k1"))
    assert (await refusal(signed(claims()), keys=keys)).code is ReasonCode.TOKEN_INVALID


async def test_of_two_keys_with_one_name_either_may_have_signed() -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    keys = key_set(public_jwk(stranger, kid="k1"), public_jwk(EC_KEY, kid="k1"))
    assert (await verifier(keys).verify(signed(claims()), now=NOW)).subject == "alice"


async def test_without_a_key_name_the_only_key_of_the_algorithm_is_meant() -> None:
    assert (await verifier().verify(signed(claims(), kid=None), now=NOW)).subject == "alice"
    two = key_set(public_jwk(EC_KEY, kid="a"), public_jwk(EC_KEY, kid="b"))
    assert (await refusal(signed(claims(), kid=None), keys=two)).code is ReasonCode.TOKEN_INVALID


async def test_a_changed_payload_breaks_the_signature() -> None:
    head, _, signature = signed(claims()).split(".")
    token = f"{head}.{segment(json.dumps(claims(sub='root')).encode())}.{signature}"
    assert (await refusal(token)).code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize(
    "text",
    [
        " {token}",
        "{token} ",
        "{token}\n",
        "{token}\0",
        "{token}.",
        ".{token}",
        "{token}.e30.x",
        "{token}=",
        "Bearer {token}",
        "{token}\u00e9",
        "\ufeff{token}",
        "a.b",
        "..",
        "a",
        "{{}}",
        "%65{token}",
    ],
)
async def test_what_is_no_compact_token_is_refused(text: str) -> None:
    assert (await refusal(text.format(token=signed(claims())))).code is ReasonCode.TOKEN_INVALID


async def test_a_segment_has_one_spelling() -> None:
    token = signed(claims(), key=ED_KEY, algorithm="EdDSA", kid="ed")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(token.rpartition(".")[2]) % 4, "the last character has bits to spare"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert (await refusal(twin)).code is ReasonCode.TOKEN_INVALID


async def test_a_huge_token_is_refused_before_it_is_read() -> None:
    assert (await refusal(signed(claims(blob="x" * 16_384)))).code is ReasonCode.TOKEN_INVALID
    assert (await refusal("a" * 50_000_000)).code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss":"%s","iss":"%s"}' % (ISSUER.encode(), ISSUER.encode()),
        b"[]",
        b"null",
        b"",
        b"\xff\xfe",
        b"[" * 100,
        b'{"exp":1e999}',
        b'{"exp":99999999999999999999999}',
        b'{"exp":NaN}',
        b'{"sub":"\\ud800"}',
    ],
)
async def test_a_payload_that_is_no_exact_json_object_is_refused(payload: bytes) -> None:
    assert (await refusal(signed(payload))).code is ReasonCode.TOKEN_INVALID


async def test_a_repeated_header_member_is_refused() -> None:
    head = segment(b'{"alg":"none","alg":"ES256","kid":"k1","typ":"JWT"}')
    body = segment(json.dumps(claims()).encode())
    token = sign_text(f"{head}.{body}", key=EC_KEY, algorithm="ES256")
    assert (await refusal(token)).code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize("keys", [OUTAGE, b"<html>"])
async def test_without_keys_nobody_is_believed(keys: bytes | Exception) -> None:
    assert (await refusal(signed(claims()), keys=keys)).code is ReasonCode.ISSUER_UNAVAILABLE
    late = signed(claims(exp=NOW - 10))
    assert (await refusal(late, keys=keys)).code is ReasonCode.TOKEN_EXPIRED
    elsewhere = signed(claims(aud="https://other.example.com"))
    assert (await refusal(elsewhere, keys=keys)).code is ReasonCode.AUDIENCE_MISMATCH
    assert (await refusal(signed(claims(sub=None)), keys=keys)).code is ReasonCode.TOKEN_INVALID


async def test_each_token_of_an_unsafe_issuer_is_logged() -> None:
    events = Events()
    unsafe = verifier(events=events, trust=IssuerTrust.UNSAFE_DEV)
    for _ in range(2):
        await unsafe.verify(signed(claims()), now=NOW)
    assert len(events.named("unsafe_dev_issuer_used")) == 2


async def test_a_refusal_names_no_value_of_the_token() -> None:
    secret = "hunter2-hunter2"
    tokens = [
        signed(claims(aud=secret)),
        signed(claims(iss=secret)),
        signed(claims(sub=[secret])),
        signed(claims(exp=secret)),
        signed(claims(), kid=secret),
        signed(claims(), typ=secret),
        signed(claims(), jku=secret),
        signed(b'{"iss":"' + secret.encode() + b'","a":1,"a":2}'),
        secret,
    ]
    events = Events()
    for token in tokens:
        refused = await refusal(token, events=events)
        assert secret not in f"{refused} {refused.caller_text} {refused.detail}"
        assert token not in f"{refused} {refused.caller_text} {refused.detail}"
    assert secret not in repr(events)


@given(st.text(max_size=200))
async def test_no_text_is_a_token_or_breaks_the_verifier(text: str) -> None:
    assert (await refusal(text)).code in {ReasonCode.TOKEN_INVALID, ReasonCode.TOKEN_MISSING}
