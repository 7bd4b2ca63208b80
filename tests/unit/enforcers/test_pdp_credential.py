import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from jwt.algorithms import OKPAlgorithm

from enforcers.client_proof import ClientKey, ClientSecret, read_client_key
from enforcers.compose import open_decision_point
from enforcers.pdp_credential import ClientCredential, CredentialError, FixedPlace, KeyCredential
from enforcers.remote import RemoteDecisionPoint
from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import ConfigurationError, DecisionError, UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.load import load
from pdp.tokens.fetch.fetcher import Fetcher
from tests.unit.enforcers.test_remote import ASK, GOOD, serving
from tests.unit.enforcers.token_endpoint import TokenEndpoint, granting, said
from tests.unit.tokens.minting import EC_KEY, ED_KEY, NOW, RSA_KEY

SECRET = ClientSecret("edge", "s3cret:+%")


class Time:
    """A steady clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    async with granting() as running:
        yield running


def client(
    endpoint: TokenEndpoint, *, proof: ClientSecret | ClientKey = SECRET, time: Time | None = None, within: float = 5.0
) -> ClientCredential:
    clock = Clock(lambda: NOW, Time() if time is None else time, secrets.token_bytes)
    asked = {"scope": "decide", "resource": "https://pdp.example.com"}
    place = FixedPlace(f"{endpoint.url}/token")
    return ClientCredential(place, proof, asked=asked, fetcher=Fetcher(), timeout=within, clock=clock)


async def test_a_client_asks_for_itself_with_its_secret(endpoint: TokenEndpoint) -> None:
    assert await client(endpoint).token() == "token-1"
    assert endpoint.forms == [
        {"grant_type": "client_credentials", "scope": "decide", "resource": "https://pdp.example.com"}
    ]
    pair = base64.b64encode(b"edge:s3cret%3A%2B%25").decode()
    assert endpoint.authorizations == [f"Basic {pair}"]


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")], ids=["rsa", "ec", "ed"]
)
async def test_a_client_asks_for_itself_with_a_signature(endpoint: TokenEndpoint, key: Any, algorithm: str) -> None:
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    asking = client(endpoint, proof=read_client_key("edge", content, file="k.pem"))
    await asking.token()
    await asking.renewed("")
    (form,) = endpoint.forms
    assert endpoint.authorizations == [None]
    assert (form["client_id"], form["client_assertion_type"][-10:]) == ("edge", "jwt-bearer")
    read = jwt.decode(
        form["client_assertion"],
        key.public_key(),
        algorithms=[algorithm],
        audience=f"{endpoint.url}/token",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (read["iss"], read["sub"], read["exp"] - read["iat"]) == ("edge", "edge", 60)
    assert len(read["jti"]) == 36


def test_a_key_may_be_a_jwk_with_a_name() -> None:
    content = OKPAlgorithm.to_jwk(ED_KEY, as_dict=False).replace("{", '{"kid": "k7", ', 1).encode()
    _, form = read_client_key("edge", content, file="k.json").prove(audience="a", now=NOW, token_id="t")
    assert jwt.get_unverified_header(form["client_assertion"])["kid"] == "k7"


def pem(key: Any, encryption: KeySerializationEncryption | None = None) -> bytes:
    content: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        b"{}",
        b'{"kty": "oct", "k": "c2VjcmV0"}',
        OKPAlgorithm.to_jwk(ED_KEY.public_key(), as_dict=False).encode(),
        pem(ED_KEY, BestAvailableEncryption(b"passphrase")),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    ],
    ids=["empty", "text", "object", "symmetric", "public", "encrypted", "p384", "rsa1024"],
)
def test_what_is_no_usable_key_is_refused_at_the_start(content: bytes) -> None:
    with pytest.raises(UnusableError, match=r"`k\.pem` holds no private key"):
        read_client_key("edge", content, file="k.pem")


async def test_a_token_is_used_until_shortly_before_it_expires(endpoint: TokenEndpoint) -> None:
    time = Time()
    asking = client(endpoint, time=time)
    for later, token in ((0.0, "token-1"), (269.0, "token-1"), (2.0, "token-2"), (269.0, "token-2")):
        time.now += later
        assert await asking.token() == token


@pytest.mark.parametrize(("expires_in", "used_for"), [(None, 45.0), (8, 6.0), (1e12, 86_370.0), (0.5, 0.375)])
async def test_how_long_it_is_used_is_bounded(endpoint: TokenEndpoint, expires_in: Any, used_for: float) -> None:
    endpoint.expires_in, time = expires_in, Time()
    asking = client(endpoint, time=time)
    await asking.token()
    time.now += used_for - 0.1
    assert await asking.token() == "token-1"
    time.now += 0.2
    assert await asking.token() == "token-2"


async def test_many_that_ask_at_once_share_one_request(endpoint: TokenEndpoint) -> None:
    endpoint.gate = asyncio.Event()
    asking = client(endpoint)
    waiting = [asyncio.create_task(asking.token()) for _ in range(50)]
    await endpoint.asked.wait()
    waiting[0].cancel()
    endpoint.gate.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert (set(done[1:]), len(endpoint.forms)) == ({"token-1"}, 1)


async def test_a_refused_token_is_replaced_once_for_all_and_not_within_a_second(endpoint: TokenEndpoint) -> None:
    time = Time()
    asking = client(endpoint, time=time)
    assert await asking.token() == "token-1"
    assert await asking.renewed("token-1") is None
    time.now += 1.0
    assert await asyncio.gather(*(asking.renewed("token-1") for _ in range(9))) == ["token-2"] * 9
    assert await asking.renewed("token-1") == "token-2"
    assert len(endpoint.forms) == 2
    assert await KeyCredential("key").renewed("key") is None


GRANT = {"access_token": "t", "token_type": "Bearer", "expires_in": 60}


@pytest.mark.parametrize(
    "answer",
    [
        said({"error": "invalid_client"}, status=401),
        said(GRANT, status=500),
        said(GRANT, status=302),
        said(GRANT, kind="text/html"),
        said(b""),
        said(b"{"),
        said(b"[]"),
        said(b'"t"'),
        said(b'{"access_token":"a","access_token":"b","token_type":"Bearer"}'),
        said(GRANT | {"token_type": "DPoP"}),
        said(GRANT | {"token_type": None}),
        said(GRANT | {"access_token": ""}),
        said(GRANT | {"access_token": None}),
        said(GRANT | {"access_token": ["t"]}),
        said(GRANT | {"access_token": "a b"}),
        said(GRANT | {"access_token": "a\r\nX-Injected: 1"}),
        said(GRANT | {"access_token": "\u00e9"}),
        said(GRANT | {"access_token": "a" * 20_000}),
        said(GRANT | {"expires_in": "60"}),
        said(GRANT | {"expires_in": 0}),
        said(GRANT | {"expires_in": -1}),
        said(GRANT | {"expires_in": True}),
        said(GRANT | {"padding": "a" * 100_000}),
    ],
    ids=range(23),
)
async def test_an_answer_that_is_no_grant_is_none_and_is_not_repeated(
    endpoint: TokenEndpoint, answer: web.Response
) -> None:
    endpoint.answer = answer
    asking = client(endpoint)
    with pytest.raises(CredentialError) as refused:
        await asking.token()
    assert "invalid_client" not in str(refused.value)
    assert "s3cret" not in str(refused.value)
    endpoint.answer = None
    assert await asking.token() == "token-2"


async def test_an_endpoint_that_hangs_ends_in_bounded_time(endpoint: TokenEndpoint) -> None:
    endpoint.gate = asyncio.Event()
    with pytest.raises(CredentialError, match=r"longer than 0\.05 s"):
        await client(endpoint, within=0.05).token()


async def test_a_decision_point_that_does_not_take_the_token_is_asked_again_with_another(
    endpoint: TokenEndpoint,
) -> None:
    time, shown = Time(), list[str]()

    async def handler(request: web.BaseRequest) -> web.Response:
        await request.read()
        shown.append(request.headers["Authorization"])
        taken = request.headers["Authorization"] == "Bearer token-2"
        return web.Response(body=GOOD, status=200 if taken else 401)

    asking = client(endpoint, time=time)
    async with serving(handler) as url:
        point = RemoteDecisionPoint([url], credential=asking, timeout=5)
        await asking.token()
        time.now += 5
        response, _ = await point.decide(ASK)
        assert response.decision is True
        assert shown == ["Bearer token-1", "Bearer token-2"]
        await point.decide(ASK)
        await point.aclose()
    assert (len(shown), len(endpoint.forms)) == (3, 2)


async def test_without_a_token_nothing_is_decided(endpoint: TokenEndpoint) -> None:
    endpoint.answer = said({"error": "invalid_client"}, status=400)
    asked: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.Response(body=GOOD)

    async with serving(handler) as url:
        point = RemoteDecisionPoint([url, url], credential=client(endpoint), timeout=5)
        with pytest.raises(DecisionError) as refused:
            await point.decide(ASK)
        await point.aclose()
    assert (refused.value.code, asked, len(endpoint.forms)) == (ReasonCode.PDP_UNREACHABLE, [], 1)


async def configured(credentials: str, base: Path) -> RemoteDecisionPoint:
    text = f"version: 1\ngateway:\n  pdp: [http://127.0.0.1:1]\n  pdp_credentials: {credentials}\n"
    point = await open_decision_point(
        load(text, file="toolgate.yaml", environ={"SECRET": "s3cret"}).settings, base=base
    )
    assert isinstance(point, RemoteDecisionPoint)
    return point


async def test_the_settings_name_the_endpoint_or_its_issuer(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    for place in (f"token_endpoint: '{endpoint.url}/token'", f"issuer: '{endpoint.url}'"):
        point = await configured(f'{{client_id: edge, client_secret: "${{SECRET}}", {place}}}', tmp_path)
        assert (await point._credential.token())[:6] == "token-"
    assert [form["grant_type"] for form in endpoint.forms] == ["client_credentials"] * 2


@pytest.mark.parametrize(
    ("credentials", "problem"),
    [
        ("{client_id: e, client_secret: s}", "either a `token_endpoint` or an `issuer`"),
        ("{client_id: e, client_secret: s, issuer: 'https://a', token_endpoint: 'https://a'}", "either a"),
        ("{client_id: e, issuer: 'https://a'}", "either a `client_secret` or a `private_key`"),
        ("{client_id: e, issuer: 'https://a', client_secret: s, private_key: k}", "either a"),
        ("{client_secret: s, issuer: 'https://a'}", "`gateway.pdp_credentials.client_id` is required"),
        ("{client_id: e, client_secret: s, token_endpoint: 'http://pdp.example.com/t'}", "must be https"),
        ("{client_id: e, client_secret: s, issuer: 'https://u:p@a'}", "must not carry credentials"),
    ],
)
async def test_credentials_that_cannot_be_meant_are_refused_at_the_start(
    tmp_path: Path, credentials: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        await configured(credentials, tmp_path)


async def test_a_key_that_is_missing_or_open_to_others_is_refused_at_the_start(tmp_path: Path) -> None:
    named = "{client_id: e, issuer: 'https://a', private_key: k.pem}"
    with pytest.raises(UnusableError, match="there is no private key"):
        await configured(named, tmp_path)
    (tmp_path / "k.pem").write_bytes(pem(ED_KEY))
    (tmp_path / "k.pem").chmod(0o644)
    with pytest.raises(UnusableError, match="chmod 600"):
        await configured(named, tmp_path)
