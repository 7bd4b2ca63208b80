from pathlib import Path
from typing import Any

import pytest

from pdp.core.contract.errors import ConfigurationError, TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.identity import IdentitySettings
from pdp.core.settings.model import Settings
from pdp.server.enforcers import for_audience
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.local.local_tokens import PROVIDER_CLAIM
from pdp.tokens.local.opened import refuse_secrets_in_the_clear
from pdp.tokens.presented import Presented, Scheme, bearer
from pdp.tokens.trust import build_authenticator, identity_problems
from tests.unit.tokens.minting import AUDIENCE, EC_KEY, ISSUER, NOW, Events, key_set, public_jwk

CORP = {"alias": "corp", "issuer": ISSUER, "audience": AUDIENCE, "jwks": "corp.json"}
OWN = {"issuer": "https://gateway.example.com", "audience": AUDIENCE}
MAIL = {"host": "mail.example.com", "sender": "toolgate@example.com"}
EVERYTHING: dict[str, Any] = {
    "issuers": [CORP],
    "api_keys": {},
    "basic": True,
    "local_issuer": OWN,
    "local_accounts": {"mail": MAIL},
    "id_jag": {"issuers": ["corp"], "clients": {"c": "c.secret"}},
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "corp.json").write_bytes(key_set(public_jwk(EC_KEY, kid="k1")))
    return tmp_path


def problems(base: Path, **identity: Any) -> list[tuple[str, str]]:
    found = identity_problems(IdentitySettings.model_validate(identity), base=base)
    return [(problem.file, problem.code) for problem in found]


def test_everything_at_once_will_do(base: Path) -> None:
    assert problems(base, **EVERYTHING) == []
    assert problems(base, api_keys={}) == []


def test_what_does_not_fit_together_is_told_at_once(base: Path) -> None:
    assert problems(
        base, basic=True, local_accounts={"mail": MAIL}, id_jag={"issuers": ["gone", "corp"], "clients": {"c": "s"}}
    ) == [
        ("identity.id_jag.issuers", "issuer_unknown"),
        ("identity.id_jag.issuers", "issuer_unknown"),
        ("identity.issuers", "issuer_missing"),
        ("identity.local_issuer", "local_issuer_missing"),
    ]
    assert problems(base, issuers=[CORP], basic=True) == [("identity.basic", "basic_without_passwords")]


@pytest.mark.parametrize(
    "identity",
    [
        {"issuers": [CORP], "api_keys": {"alias": "corp"}},
        {"issuers": [CORP], "local_issuer": OWN | {"alias": "corp"}},
        {"issuers": [CORP], "local_issuer": OWN | {"issuer": ISSUER}},
        {"api_keys": {"alias": "local"}, "local_issuer": OWN},
    ],
)
def test_nobody_of_ours_can_pass_for_somebody_elses(base: Path, identity: dict[str, Any]) -> None:
    assert problems(base, **identity) == [("identity.issuers", "issuer_duplicate")]


@pytest.mark.parametrize(
    ("listen", "resource", "refused"),
    [
        ("127.0.0.1:8080", None, []),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/mcp", []),
        ("0.0.0.0:8080", "https://gateway.example.com/mcp", []),
        ("0.0.0.0:8080", None, ["identity.basic", "identity.id_jag", "identity.local_accounts"]),
        ("[::]:8080", "http://gate.example/mcp", ["identity.basic", "identity.id_jag", "identity.local_accounts"]),
    ],
)
def test_passwords_cross_no_network_in_the_clear(listen: str, resource: str | None, refused: list[str]) -> None:
    gateway = {"listen": listen, "resource": resource}
    settings = Settings.model_validate({"version": 1, "gateway": gateway, "identity": EVERYTHING})
    found = refuse_secrets_in_the_clear(settings)
    assert sorted(problem.file for problem in found) == refused
    assert {problem.code for problem in found} <= {"secrets_in_the_clear"}


async def test_credentials_of_the_gateway_are_none_at_the_decision_point(base: Path) -> None:
    settings = Settings.model_validate({"version": 1, "identity": EVERYTHING})
    assert settings.identity.local_issuer is not None
    issuer = LocalIssuer.open(settings.identity.local_issuer, base=base)
    token = issuer.issue({"sub": "alice", PROVIDER_CLAIM: "corp"}, now=NOW, token_id="t1").text
    gateway = build_authenticator(settings.identity, base=base, log=Events().log())
    assert (await gateway.authenticate(bearer(token), now=NOW)).alias == "corp"
    there = for_audience(settings, audience="https://pdp.example.com")
    pdp = build_authenticator(there, base=base, log=Events().log())
    for presented in (bearer(token), bearer(f"tgk_{'a' * 16}_{'a' * 59}"), Presented(Scheme.BASIC, "YTpi")):
        with pytest.raises(TokenError) as caught:
            await pdp.authenticate(presented, now=NOW)
        assert caught.value.code is ReasonCode.TOKEN_INVALID


def test_a_prefix_of_opaque_tokens_cannot_take_keys_away(base: Path) -> None:
    asking = {"client_id": "c", "client_secret": "s" * 32, "token_prefix": "tgk_"}
    (problem,) = identity_problems(
        IdentitySettings.model_validate({"issuers": [CORP | {"introspection": asking}]}),
        base=base,
    )
    assert "another kind of credential" in problem.message


def test_a_gateway_without_issuers_and_keys_does_not_start(base: Path) -> None:
    with pytest.raises(ConfigurationError, match="issuer_missing"):
        build_authenticator(IdentitySettings.model_validate({}), base=base, log=Events().log())
