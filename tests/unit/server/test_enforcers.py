import re
import secrets
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import CredentialKind, VerifiedClaims
from pdp.core.settings.identity import DevIssuerSettings, IdentitySettings
from pdp.core.settings.load import load
from pdp.server.enforcers import Enforcers, EveryServer, KnownEnforcer, TheseServers, for_audience, open_enforcers
from pdp.tokens.presented import Presented
from tests.unit.audit.sample import decision, drift, outcome
from tests.unit.server.hosting import KEY, OTHER_KEY, QUESTION, SEARCH, bearer, hosting
from tests.unit.tokens.minting import EC_KEY, ED_KEY, NOW, Events, claims, key_set, public_jwk, signed

PDP = "https://pdp.example.com"
CONFIG = f"""\
version: 1
pdp:
  resource: {PDP}
  enforcers:
    edge: {{issuer: corp, client_id: edge-client, servers: [git, files]}}
    cloud: {{issuer: corp, client_id: cloud-client, subject: 0aa1-service, servers: [files]}}
    near: {{key: near.key, servers: [git]}}
identity:
  issuers:
    - alias: corp
      issuer: "https://login.example.com/"
      audience: "https://gateway.example.com/mcp"
      jwks: keys.json
"""
SERVICE: dict[str, Any] = {"aud": PDP, "sub": "edge-client", "client_id": "edge-client"}


def opened(base: Path, text: str = CONFIG) -> Enforcers:
    (base / "keys.json").write_bytes(key_set(public_jwk(EC_KEY, kid="k1", alg="ES256")))
    clock = Clock(lambda: NOW, lambda: 0.0, secrets.token_bytes)
    settings = load(text, file="toolgate.yaml", environ={}).settings
    return open_enforcers(settings, base=base, clock=clock, log=Events().log())


def token(**changes: Any) -> str:
    return signed(claims(**(SERVICE | changes)))


async def test_a_client_is_known_by_a_token_of_its_own_for_this_decision_point(tmp_path: Path) -> None:
    enforcers = opened(tmp_path)
    edge = KnownEnforcer("edge", TheseServers(frozenset({"git", "files"})))
    assert await enforcers.identify(token()) == edge
    assert await enforcers.identify(token(client_id=None, azp="edge-client")) == edge
    assert await enforcers.identify(token(aud=[PDP, "https://other.example.com"])) == edge
    cloud = token(sub="0aa1-service", client_id="cloud-client")
    assert (await enforcers.identify(cloud)).name == "cloud"


async def test_keys_and_the_gateway_of_the_same_file_go_on_beside_tokens(tmp_path: Path) -> None:
    enforcers = opened(tmp_path)
    near = await enforcers.identify((tmp_path / "near.key").read_text().strip())
    assert near == KnownEnforcer("near", TheseServers(frozenset({"git"})))
    own = await enforcers.identify((tmp_path / ".toolgate" / "gateway.key").read_text().strip())
    assert own == KnownEnforcer("gateway", EveryServer())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "https://gateway.example.com/mcp"}, "audience_mismatch"),
        ({"aud": f"{PDP}/"}, "audience_mismatch"),
        ({"exp": int(NOW) - 60}, "token_expired"),
        ({"iss": "https://login.example.com"}, "token_invalid"),
        ({"sub": "alice"}, "token_invalid"),
        ({"sub": "Edge-client"}, "token_invalid"),
        ({"sub": "edge-client "}, "token_invalid"),
        ({"sub": "0aa1-service"}, "token_invalid"),
        ({"client_id": None}, "token_invalid"),
        ({"client_id": "cloud-client"}, "token_invalid"),
        ({"azp": "cloud-client"}, "token_invalid"),
        ({"client_id": ["edge-client"]}, "token_invalid"),
        ({"client_id": {"edge-client": 1}}, "token_invalid"),
        ({"act": {"sub": "edge-client"}}, "token_invalid"),
        ({"sub": "cloud-client", "client_id": "cloud-client"}, "token_invalid"),
        ({"sub": "edge", "client_id": "edge"}, "token_invalid"),
        ({"sub": "gateway", "client_id": "gateway"}, "token_invalid"),
    ],
)
async def test_a_token_of_anybody_else_is_none(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(TokenError) as refused:
        await opened(tmp_path).identify(token(**changes))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "forged",
    [
        signed(claims(**SERVICE), key=ED_KEY, algorithm="EdDSA"),
        signed(claims(**SERVICE), key=ED_KEY, algorithm="EdDSA", kid=None),
        re.sub(r"\.[^.]*$", ".", signed(claims(**SERVICE))),
        signed(claims(**SERVICE)) + "A",
        "a.b.c",
        "edge-client",
        "",
    ],
)
async def test_a_forged_token_is_none(tmp_path: Path, forged: str) -> None:
    with pytest.raises(TokenError) as refused:
        await opened(tmp_path).identify(forged)
    assert refused.value.code in {ReasonCode.TOKEN_INVALID, ReasonCode.TOKEN_MISSING}


def test_whatever_else_the_gateway_believes_is_none_here() -> None:
    settings = load(CONFIG, file="toolgate.yaml", environ={}).settings
    more = {"leeway": 7.0, "keys_of_tomorrow": "believed", "unsafe_dev_issuer": DevIssuerSettings()}
    identity = for_audience(
        settings.model_copy(update={"identity": settings.identity.model_copy(update=more)}), audience=PDP
    )
    assert "keys_of_tomorrow" not in vars(identity)
    assert (identity.leeway, [issuer.audience for issuer in identity.issuers]) == (7.0, [PDP])
    assert identity.unsafe_dev_issuer == DevIssuerSettings(audience=PDP)
    assert set(vars(identity)) == set(IdentitySettings.model_fields)


@pytest.mark.parametrize("kind", [CredentialKind.API_KEY, CredentialKind.PASSWORD])
async def test_a_password_that_maps_to_the_clients_name_is_no_clients(tmp_path: Path, kind: CredentialKind) -> None:
    enforcers = opened(tmp_path)

    class Lenient:
        async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
            return VerifiedClaims("corp", "i", "edge-client", now + 1, {"client_id": "edge-client"}, kind)

    enforcers._authenticator = Lenient()
    with pytest.raises(TokenError):
        await enforcers.identify("edge:password")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f"  resource: {PDP}\n", "", "need `pdp.resource`"),
        ("edge: {issuer: corp", "edge: {issuer: other", "no issuer has the alias `other`"),
        ("client_id: cloud-client, subject: 0aa1-service", "client_id: edge-client", "2 enforcers are the client"),
        ("subject: 0aa1-service", "subject: edge-client", "2 enforcers are the client"),
        ("edge: {issuer: corp, client_id: edge-client, ", "edge: {", "either a `key` or an `issuer`"),
        ("edge: {issuer: corp, ", "edge: {key: a, issuer: corp, ", "either a `key` or an `issuer`"),
        ("edge: {issuer: corp, client_id: edge-client", "edge: {client_id: edge-client", "go together"),
        ("key: near.key", "key: near.key, subject: x", "`subject` goes with"),
        ("near.key, servers: [git]", "near.key, servers: []", "at least 1 item"),
        ("near.key, servers: [git]", "near.key", "`pdp.enforcers.near.servers` is required"),
        ("near.key, servers: [git]", "near.key, servers: ['*']", "must match"),
        ("near: {key: near.key, servers: [git]}", "near: near.key", "must be a section"),
    ],
)
def test_what_is_left_open_is_refused_at_the_start(tmp_path: Path, old: str, new: str, problem: str) -> None:
    changed = CONFIG.replace(old, new)
    assert changed != CONFIG
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        opened(tmp_path, changed)


async def test_an_enforcer_asks_only_for_its_servers_and_others_are_told_and_counted() -> None:
    async with hosting() as host:
        answer = await host.ask(headers=bearer(OTHER_KEY))
        assert (answer.status_code, answer.text) == (403, "this enforcer does not stand before that server")
        for other in ("git", "git/", "", "/git_log", "files2/read", "FILES/read", "files\x00/read", "filesgit/x"):
            body = QUESTION | {"resource": {"type": "tool", "id": other}}
            assert (await host.ask(body, headers=bearer(OTHER_KEY))).status_code == 403
        assert host.decider.asked == []
        own = QUESTION | {"resource": {"type": "tool", "id": "files/read"}}
        assert (await host.ask(own, headers=bearer(OTHER_KEY))).status_code == 200
        assert (await host.ask(headers=bearer(KEY))).status_code == 200
        fenced = host.events.named("enforcer_fenced")
        assert (len(fenced), fenced[0]["enforcer"], fenced[0]["server"]) == (9, "other", "git")
        assert 'toolgate_fenced_total{enforcer="other"} 9.0' in (await host.client.get("/metrics")).text


async def test_a_search_shows_an_enforcer_its_own_servers_tools_alone() -> None:
    async with hosting() as host:
        for key, shown in ((KEY, ["git/git_log"]), (OTHER_KEY, [])):
            answer = await host.client.post("/access/v1/search/resource", json=SEARCH, headers=bearer(key))
            assert [found["id"] for found in answer.json()["results"]] == shown


@pytest.mark.parametrize(
    "record",
    [
        decision(1, writer="other", server="git"),
        decision(1, writer="other", server=None, shown=["files/read", "git/git_log"]),
        decision(1, writer="other", server="files", shown=["git"]),
        drift(1, writer="other", server="git"),
        decision(1, writer="other", server=""),
    ],
)
async def test_an_enforcer_records_only_for_its_servers(record: Any) -> None:
    async with hosting() as host:
        bodies = {"good": decision(2, writer="other", server="files"), "other": outcome(3, writer="other")}
        given = [msgspec.to_builtins(one) for one in (bodies["good"], record, bodies["other"])]
        refused = await host.client.post("/v1/records", json=given, headers=bearer(OTHER_KEY))
        assert (refused.status_code, host.store.records) == (403, [])
        kept = [one for one in given if one is not given[1]]
        assert (await host.client.post("/v1/records", json=kept, headers=bearer(OTHER_KEY))).status_code == 200
        assert host.store.records == list(bodies.values())


class Telling:
    """An authenticator that raises what it is told to, or believes."""

    def __init__(self, raises: TokenError | None = None) -> None:
        self.raises = raises

    async def authenticate(self, presented: Presented, *, now: float) -> VerifiedClaims:
        if self.raises is not None:
            raise self.raises
        return VerifiedClaims("corp", "i", "enforcer-1", now + 1, {"client_id": "enforcer-1"})


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ReasonCode.TOKEN_INVALID, 401),
        (ReasonCode.TOKEN_EXPIRED, 401),
        (ReasonCode.AUDIENCE_MISMATCH, 401),
        (ReasonCode.PROOF_INVALID, 401),
        (ReasonCode.ISSUER_UNAVAILABLE, 503),
    ],
)
async def test_what_is_wrong_with_a_token_is_not_told(code: ReasonCode, status: int) -> None:
    async with hosting(authenticator=Telling(TokenError(code, "the secret cause"))) as host:
        answer = await host.ask(headers=bearer("t" * 40))
        assert answer.status_code == status
        assert "secret" not in answer.text
        assert host.decider.asked == []


async def test_the_enforcer_of_a_token_is_the_one_that_policies_see() -> None:
    async with hosting(authenticator=Telling()) as host:
        body = QUESTION | {"context": {"enforcer": "gateway"}}
        assert (await host.ask(body, headers=bearer("t" * 40))).status_code == 200
        assert host.decider.asked[0].context == {"enforcer": "client"}
