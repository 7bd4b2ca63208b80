from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pdp.core.contract.errors import ConfigurationError, TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.model import Settings
from pdp.tokens.identity_problems import identity_problems, refuse_dev_issuer_off_loopback
from pdp.tokens.local.dev_issuer import DevClaims, DevIssuer
from pdp.tokens.presented import bearer
from pdp.tokens.trust import build_authenticator
from tests.unit.tokens.minting import AUDIENCE, EC_KEY, ISSUER, NOW, Events, claims, key_set, public_jwk, signed

CORP = {"alias": "corp", "issuer": ISSUER, "audience": AUDIENCE, "jwks": "corp.json"}


def identity(*issuers: dict[str, Any], **named: Any) -> IdentitySettings:
    return IdentitySettings.model_validate({"issuers": list(issuers), **named})


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "corp.json").write_bytes(key_set(public_jwk(EC_KEY, kid="k1")))
    return tmp_path


async def test_configured_and_development_issuers_are_believed_each_for_its_own(base: Path) -> None:
    events = Events()
    settings = identity(CORP, unsafe_dev_issuer={})
    authenticator = build_authenticator(settings, base=base, log=events.log())
    assert [event["at"] for event in events.named("unsafe_dev_issuer_used")] == ["start"]
    assert (await authenticator.authenticate(bearer(signed(claims())), now=NOW)).alias == "corp"
    assert settings.unsafe_dev_issuer is not None
    dev = DevIssuer.open(settings.unsafe_dev_issuer, base=base)
    token = dev.sign(DevClaims("bob"), now=NOW, ttl=60, token_id="t1")
    verified = await authenticator.authenticate(bearer(token), now=NOW)
    assert (verified.alias, verified.subject) == ("dev", "bob")
    assert [event["at"] for event in events.named("unsafe_dev_issuer_used")] == ["start", "verification"]


async def test_the_development_issuer_cannot_speak_for_another(base: Path) -> None:
    settings = identity(CORP, unsafe_dev_issuer={})
    assert settings.unsafe_dev_issuer is not None
    posing = settings.unsafe_dev_issuer.model_copy(update={"issuer": ISSUER, "audience": AUDIENCE})
    token = DevIssuer.open(posing, base=base).sign(DevClaims("alice"), now=NOW, ttl=60, token_id="t1")
    authenticator = build_authenticator(settings, base=base, log=Events().log())
    with pytest.raises(TokenError) as caught:
        await authenticator.authenticate(bearer(token), now=NOW)
    assert caught.value.code is ReasonCode.TOKEN_INVALID


def test_without_an_issuer_nothing_starts(base: Path) -> None:
    with pytest.raises(ConfigurationError, match="issuer_missing"):
        build_authenticator(identity(), base=base, log=Events().log())


def test_every_problem_is_told_at_once(base: Path) -> None:
    (base / "html").write_text("<html>")
    settings = identity(
        CORP,
        CORP | {"alias": "two", "jwks": "missing.json"},
        CORP | {"issuer": "https://three.example.com", "algorithms": ["HS256", "none", "ES256"]},
        CORP | {"alias": "four", "issuer": "https://four.example.com", "jwks": "http://four.example.com/jwks"},
        CORP | {"alias": "five", "issuer": "https://five.example.com", "jwks": "html"},
    )
    assert [problem.code for problem in identity_problems(settings, base=base)] == [
        "algorithm_refused",
        "algorithm_refused",
        "issuer_duplicate",
        "issuer_duplicate",
        "jwks_invalid",
        "jwks_invalid",
        "jwks_invalid",
    ]


@pytest.mark.parametrize(
    ("issuer", "codes"),
    [
        ("https://login.example.com/realms/one", []),
        ("http://127.0.0.1:9000", []),
        ("http://login.example.com", ["jwks_invalid"]),
        ("https://login.example.com/?tenant=one", ["jwks_invalid"]),
        ("https://user:pass@login.example.com/", ["jwks_invalid"]),
        ("corp", ["jwks_invalid"]),
    ],
)
def test_an_issuer_without_keys_must_be_one_that_can_be_found(base: Path, issuer: str, codes: list[str]) -> None:
    settings = identity({"alias": "corp", "issuer": issuer, "audience": AUDIENCE})
    assert [problem.code for problem in identity_problems(settings, base=base)] == codes


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "ten", "", 10, ["10.0.0.0/8"]])
def test_a_private_network_is_one_in_its_one_spelling(network: Any) -> None:
    with pytest.raises(ValidationError):
        identity(CORP, private_networks=[network])


@pytest.mark.parametrize("kind", ["", "AT+JWT", "application/at+jwt", "at jwt", "\u0430t+jwt"])
def test_a_token_type_is_written_as_it_is_compared(kind: str) -> None:
    with pytest.raises(ValidationError):
        identity(CORP | {"token_types": [kind]})


@pytest.mark.parametrize("name", ["token_types", "algorithms"])
def test_no_list_of_what_is_accepted_is_empty(name: str) -> None:
    with pytest.raises(ValidationError):
        identity(CORP | {name: []})


async def test_types_and_lifetimes_are_those_of_the_issuer(base: Path) -> None:
    change = {"token_types": ["jwt"], "max_lifetime": "1h"}
    authenticator = build_authenticator(identity(CORP | change), base=base, log=Events().log())
    assert (await authenticator.authenticate(bearer(signed(claims(), typ=None)), now=NOW)).subject == "alice"
    for token in (signed(claims()), signed(claims(exp=NOW + 7200), typ="JWT")):
        with pytest.raises(TokenError) as caught:
            await authenticator.authenticate(bearer(token), now=NOW)
        assert caught.value.code is ReasonCode.TOKEN_INVALID


def test_an_issuer_with_a_url_need_not_be_up_at_the_start(base: Path) -> None:
    build_authenticator(identity(CORP | {"jwks": "https://login.example.com/jwks"}), base=base, log=Events().log())


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, []),
        ({"gateway": {"listen": "0.0.0.0:8080"}}, ["gateway.listen"]),
        ({"pdp": {"listen": "pdp.internal:8181"}}, ["pdp.listen"]),
        ({"gateway": {"listen": "[::]:80"}, "pdp": {"listen": "10.0.0.1:1"}}, ["gateway.listen", "pdp.listen"]),
        ({"pdp": {"listen": "unix:/run/pdp.sock"}}, []),
    ],
)
def test_the_development_issuer_stays_on_this_machine(change: dict[str, Any], refused: list[str]) -> None:
    settings = Settings.model_validate({"version": 1, "identity": {"unsafe_dev_issuer": {}}, **change})
    assert [problem.file for problem in refuse_dev_issuer_off_loopback(settings)] == refused
    safe = Settings.model_validate({"version": 1, **change})
    assert refuse_dev_issuer_off_loopback(safe) == ()
