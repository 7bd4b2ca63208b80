"""Assertions exchanged for tokens: what is granted, and everything that is not."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from pdp.core.contract.errors import ConfigurationError, TokenError, UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.identity import IdentitySettings
from pdp.tokens.local.attempts import BY_NAME
from pdp.tokens.local.id_jag.clients import Clients, read_clients
from pdp.tokens.local.id_jag.exchange import Exchange, TokenAnswer
from pdp.tokens.local.id_jag.grant import Asked
from pdp.tokens.local.id_jag.metadata import metadata, metadata_path
from pdp.tokens.local.id_jag.refusal import GrantError, GrantErrorCode
from pdp.tokens.local.local_issuer import LocalIssuer
from pdp.tokens.presented import bearer
from pdp.tokens.trust import build_authenticator, open_exchange
from tests.unit.tokens.local.accounts_place import Randomness
from tests.unit.tokens.minting import (
    AUDIENCE,
    EC_KEY,
    ED_KEY,
    ISSUER,
    NOW,
    RSA_KEY,
    Events,
    key_set,
    public_jwk,
    sign_text,
    signed,
)

OWN = "https://gateway.example.com"
CLIENT, SECRET = "https://cursor.example.com/client", "s" * 40
OTHER = {"alias": "other", "issuer": "https://other.example.com", "audience": AUDIENCE, "jwks": "other.json"}
CORP = {"alias": "corp", "issuer": ISSUER, "audience": AUDIENCE, "jwks": "corp.json"}
ASKED = Asked(CLIENT)


def settings() -> IdentitySettings:
    return IdentitySettings.model_validate(
        {
            "issuers": [CORP, OTHER],
            "local_issuer": {"issuer": OWN, "audience": AUDIENCE},
            "id_jag": {"issuers": ["corp"], "clients": {CLIENT: "cursor.secret"}},
        }
    )


def said(**changes: Any) -> dict[str, Any]:
    """The claims of a good assertion; a change to None takes the claim out."""
    good = {
        "iss": ISSUER,
        "aud": OWN,
        "sub": "alice",
        "resource": AUDIENCE,
        "client_id": CLIENT,
        "jti": "j1",
        "iat": int(NOW),
        "exp": int(NOW) + 300,
        "scope": "files.read files.write",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def assertion(payload: dict[str, Any] | bytes | None = None, **header: Any) -> str:
    return signed(said() if payload is None else payload, **({"typ": "oauth-id-jag+jwt"} | header))


class Place:
    """An exchange with real keys, and an authenticator of the same configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "corp.json").write_bytes(key_set(public_jwk(EC_KEY, kid="k1")))
        (folder / "other.json").write_bytes(key_set(public_jwk(ED_KEY, kid="k2")))
        secret = folder / "cursor.secret"
        secret.touch(mode=0o600)
        secret.write_text(SECRET + "\n")
        self.settings = settings()
        assert self.settings.local_issuer is not None
        self.issuer = LocalIssuer.open(self.settings.local_issuer, base=folder)
        self.events = Events()
        self.exchange = self.opened()

    def opened(self) -> Exchange:
        return open_exchange(
            self.settings, issuer=self.issuer, base=self.folder, random=Randomness(), log=self.events.log()
        )

    async def token(
        self, text: str | None = None, *, asked: Asked = ASKED, secret: str = SECRET, now: float = NOW
    ) -> TokenAnswer:
        return await self.exchange.token(assertion() if text is None else text, asked=asked, secret=secret, now=now)

    async def refused(self, text: str | None = None, **how: Any) -> GrantErrorCode:
        with pytest.raises(GrantError) as caught:
            await self.token(text, **how)
        return caught.value.code


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_an_assertion_gives_a_token_for_the_same_principal(place: Place) -> None:
    claims = said(groups=["eng"], email="alice@corp.example", act={"sub": "bot"}, tenant="acme")
    answer = await place.token(assertion(claims))
    assert (answer.scope, answer.token.expires_in) == ("files.read files.write", 900)
    authenticator = build_authenticator(place.settings, base=place.folder, log=place.events.log())
    found = await authenticator.authenticate(bearer(answer.token.text), now=NOW + 1)
    assert (found.alias, found.issuer, found.subject) == ("corp", ISSUER, "alice")
    kept = {name: value for name, value in found.claims.items() if name not in {"jti", "iat", "exp"}}
    assert kept == {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "client_id": CLIENT, "scope": "files.read files.write",
        "groups": ["eng"], "email": "alice@corp.example", "act": {"sub": "bot"}, "tenant": "acme",
    }  # fmt: skip
    (event,) = place.events.named("assertion_exchanged")
    assert (event["client"], event["issuer"], event["subject"]) == (CLIENT, "corp", "alice")


@pytest.mark.parametrize(
    ("claims", "asked", "scope"),
    [
        (said(), Asked(CLIENT, "files.read"), "files.read"),
        (said(), Asked(CLIENT, "files.write files.read", AUDIENCE), "files.read files.write"),
        (said(scope=None), ASKED, None),
        (said(resource=[AUDIENCE]), ASKED, "files.read files.write"),
        (said(aud=[OWN]), ASKED, "files.read files.write"),
    ],
)
async def test_no_more_is_granted_than_was_asked_for(
    place: Place, claims: dict[str, Any], asked: Asked, scope: str | None
) -> None:
    answer = await place.token(assertion(claims), asked=asked)
    assert answer.scope == scope
    assert jwt.decode(answer.token.text, options={"verify_signature": False}).get("scope") == scope


def unsigned() -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "oauth-id-jag+jwt"}).encode()).rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(said()).encode()).rstrip(b"=")
    return f"{head.decode()}.{body.decode()}."


def tampered() -> str:
    head, _, signature = assertion().split(".")
    body = base64.urlsafe_b64encode(json.dumps(said(sub="root")).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


HOSTILE: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "garbage": lambda: "a.b.c",
    "unsigned": unsigned,
    "tampered": tampered,
    "an access token": lambda: signed(said()),
    "an ID token": lambda: signed(said(), typ="JWT"),
    "no type": lambda: signed(said(), typ=None),
    "another key of the same id": lambda: assertion(key=ED_KEY, algorithm="EdDSA"),
    "RSA under the key's id": lambda: assertion(key=RSA_KEY, algorithm="RS256"),
    "unknown key": lambda: assertion(kid="k9"),
    "its own key": lambda: assertion(jwk=public_jwk(EC_KEY)),
    "crit": lambda: assertion(crit=["exp"]),
    "an issuer that is not for assertions": lambda: assertion(
        said(iss=OTHER["issuer"]), key=ED_KEY, algorithm="EdDSA", kid="k2"
    ),
    "our own issuer": lambda: assertion(said(iss=OWN)),
    "unknown issuer": lambda: assertion(said(iss="https://evil.example")),
    "issuer with a slash less": lambda: assertion(said(iss=ISSUER.rstrip("/"))),
    "for the resource, not the server": lambda: assertion(said(aud=AUDIENCE)),
    "for another server": lambda: assertion(said(aud="https://gateway.example.org")),
    "for a server with a slash more": lambda: assertion(said(aud=OWN + "/")),
    "for two servers": lambda: assertion(said(aud=[OWN, "https://b.example"])),
    "for nobody": lambda: assertion(said(aud=None)),
    "for one server twice": lambda: assertion(said(aud=[OWN, OWN])),
    "of another client": lambda: assertion(said(client_id="other")),
    "of no client": lambda: assertion(said(client_id=None)),
    "of a list of clients": lambda: assertion(said(client_id=[CLIENT])),
    "for another resource": lambda: assertion(said(resource="https://other.example/mcp")),
    "for two resources": lambda: assertion(said(resource=[AUDIENCE, "https://other.example/mcp"])),
    "for no resource": lambda: assertion(said(resource=None)),
    "without subject": lambda: assertion(said(sub=None)),
    "with an empty subject": lambda: assertion(said(sub="")),
    "without jti": lambda: assertion(said(jti=None)),
    "with a jti that is no text": lambda: assertion(said(jti=7)),
    "with a giant jti": lambda: assertion(said(jti="j" * 300)),
    "without iat": lambda: assertion(said(iat=None)),
    "without exp": lambda: assertion(said(exp=None)),
    "expired": lambda: assertion(said(exp=int(NOW) - 60)),
    "from the future": lambda: assertion(said(iat=int(NOW) + 60)),
    "good for too long": lambda: assertion(said(exp=int(NOW) + 2 * 3600)),
    "bound to a key": lambda: assertion(said(cnf={"jkt": "x" * 43})),
    "bound to something unknown": lambda: assertion(said(cnf={"kid": "x"})),
    "bound to nothing": lambda: assertion(said(cnf={})),
    "with authorization details": lambda: assertion(said(authorization_details=[{"type": "x"}])),
    "with another subject for us": lambda: assertion(said(aud_sub="bob")),
    "with scopes as a list": lambda: assertion(said(scope=["files.read"])),
    "with scopes apart by two spaces": lambda: assertion(said(scope="a  b")),
    "with two kinds of scopes": lambda: assertion(said(scp=["admin"])),
    "with a member twice": lambda: assertion(json.dumps(said()).encode()[:-1] + b',"sub":"root"}'),
    "too large": lambda: assertion(said(note="x" * 13_000)),
    "inside another": lambda: assertion(cty="JWT"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_assertion_gives_nothing(place: Place, name: str) -> None:
    assert await place.refused(HOSTILE[name]()) is GrantErrorCode.INVALID_GRANT
    (event,) = place.events.named("assertion_refused")
    assert (event["code"], "alice" in str(event)) == (GrantErrorCode.INVALID_GRANT, False)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked(CLIENT, "admin"), GrantErrorCode.INVALID_SCOPE),
        (Asked(CLIENT, "files.read admin"), GrantErrorCode.INVALID_SCOPE),
        (Asked(CLIENT, " "), GrantErrorCode.INVALID_SCOPE),
        (Asked(CLIENT, 'a"b'), GrantErrorCode.INVALID_SCOPE),
        (Asked(CLIENT, "files.read", "https://other.example"), GrantErrorCode.INVALID_TARGET),
        (Asked(CLIENT, None, AUDIENCE + "/"), GrantErrorCode.INVALID_TARGET),
        (Asked("other"), GrantErrorCode.INVALID_CLIENT),
        (Asked(CLIENT + "/"), GrantErrorCode.INVALID_CLIENT),
        (Asked("c" * 600), GrantErrorCode.INVALID_CLIENT),
    ],
)
async def test_a_client_gets_nothing_that_is_not_its_own(place: Place, asked: Asked, code: GrantErrorCode) -> None:
    assert await place.refused(asked=asked) is code


async def test_a_scope_is_not_asked_for_where_the_assertion_has_none(place: Place) -> None:
    text = assertion(said(scope=None))
    assert await place.refused(text, asked=Asked(CLIENT, "files.read")) is GrantErrorCode.INVALID_SCOPE


async def test_an_assertion_is_good_once_however_many_use_it_at_once(place: Place) -> None:
    outcomes = await asyncio.gather(*(place.token() for _ in range(10)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["GrantError"] * 9 + ["TokenAnswer"]
    assert await place.refused(now=NOW + 299) is GrantErrorCode.INVALID_GRANT
    assert (await place.token(assertion(said(jti="j2")))).scope is not None


async def test_a_refused_client_does_not_use_an_assertion_up(place: Place) -> None:
    assert await place.refused(secret="wrong" * 8) is GrantErrorCode.INVALID_CLIENT
    assert (await place.token()).scope is not None


async def test_guesses_at_secrets_are_limited_for_known_and_unknown_clients(place: Place) -> None:
    for client in (CLIENT, "unknown"):
        codes = [await place.refused(asked=Asked(client), secret="x") for _ in range(BY_NAME.free + 1)]
        assert codes == [GrantErrorCode.INVALID_CLIENT] * BY_NAME.free + [GrantErrorCode.SLOW_DOWN]


async def test_an_assertion_opens_no_door_itself_and_a_token_is_no_assertion(place: Place) -> None:
    authenticator = build_authenticator(place.settings, base=place.folder, log=place.events.log())
    for text in (assertion(), assertion(said(aud=AUDIENCE))):
        with pytest.raises(TokenError) as caught:
            await authenticator.authenticate(bearer(text), now=NOW)
        assert caught.value.code is ReasonCode.TOKEN_INVALID
    answer = await place.token()
    assert await place.refused(answer.token.text) is GrantErrorCode.INVALID_GRANT


async def test_our_own_key_cannot_be_made_to_speak_for_anybody_by_another_issuer(place: Place) -> None:
    authenticator = build_authenticator(place.settings, base=place.folder, log=place.events.log())
    head = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": "k1"}).encode()).rstrip(b"=")
    claims = said(iss=OWN, aud=AUDIENCE, toolgate_idp="corp")
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    forged = sign_text(f"{head.decode()}.{body.decode()}", key=EC_KEY, algorithm="ES256")
    with pytest.raises(TokenError) as caught:
        await authenticator.authenticate(bearer(forged), now=NOW)
    assert caught.value.code is ReasonCode.TOKEN_INVALID


async def test_an_issuer_that_is_down_is_for_later(place: Place) -> None:
    (place.folder / "corp.json").unlink()
    assert await place.refused() is GrantErrorCode.TEMPORARILY_UNAVAILABLE


def test_a_client_secret_others_can_read_or_that_is_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.secret"
    path.touch(mode=0o600)
    path.write_text("short")
    with pytest.raises(ConfigurationError, match="client_secret_short"):
        read_clients({"c": Path("c.secret")}, base=tmp_path)
    path.write_text(SECRET)
    path.chmod(0o644)
    with pytest.raises(UnusableError, match="chmod 600"):
        read_clients({"c": Path("c.secret")}, base=tmp_path)
    with pytest.raises(UnusableError, match="there is no"):
        read_clients({"c": Path("d.secret")}, base=tmp_path)


def test_a_client_without_a_secret_of_its_own_is_never_let_in() -> None:
    clients = Clients({"c": SECRET.encode()})
    for client, secret in [("d", "\0" * 32), ("d", ""), ("c", ""), ("c", SECRET + "\n"), ("c", "\ud800")]:
        with pytest.raises(GrantError):
            clients.check(client, secret=secret, now=NOW)


@pytest.mark.parametrize(
    ("issuer", "path"),
    [
        (OWN, "/.well-known/oauth-authorization-server"),
        (OWN + "/", "/.well-known/oauth-authorization-server"),
        (OWN + "/tenant/a", "/.well-known/oauth-authorization-server/tenant/a"),
    ],
)
def test_the_metadata_is_where_clients_look_for_it(issuer: str, path: str) -> None:
    document = json.loads(metadata(issuer))
    assert (metadata_path(issuer), document["issuer"], document["token_endpoint"]) == (
        path, issuer, OWN + "/oauth/token",
    )  # fmt: skip
    assert document["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert document["grant_types_supported"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
