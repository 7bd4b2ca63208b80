"""Proofs of possession over HTTP: the gateway's head, with the product's own authenticator behind it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import Confirmation, VerifiedClaims
from pdp.tokens.authenticator import Authenticator
from pdp.tokens.proof.nonce import SECRET_BYTES, Nonces
from pdp.tokens.proof.possession import BindingRule, Possession
from tests.flow.gateway_host import Host, odd, open_host, serve
from tests.flow.http_client import Client
from tests.unit.tokens.minting import NOW
from tests.unit.tokens.proof.hostile_proofs import HOSTILE
from tests.unit.tokens.proof.proving import (
    HOLDER_THUMBPRINT,
    TOKEN,
    URL,
    checker,
    proof,
    proof_claims,
    verified,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
CERTIFICATE = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"
CONFIRMATIONS = {TOKEN: Confirmation(key=HOLDER_THUMBPRINT), "worn": Confirmation(certificate=CERTIFICATE)}
# What HTTP itself takes off, or has no way to carry, never comes to be a proof.
WRITABLE = {
    name: said for name, said in HOSTILE.items() if said.isascii() and said.isprintable() and said == said.strip()
}


class Opaque:
    """Verifies two tokens, each bound to something."""

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        if token not in CONFIRMATIONS:
            raise TokenError(ReasonCode.TOKEN_INVALID, "not one of ours")
        return verified(CONFIRMATIONS[token])


def authenticator(*, nonces: Nonces | None = None) -> Authenticator:
    possession = Possession(checker(nonces=nonces), rules={"corp": BindingRule()})
    return Authenticator(Opaque(), possession=possession, opaque=Opaque())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    proxied: dict[str, Any] = {
        "trusted_proxies": ["127.0.0.1"],
        "client_certificate": {"header": "X-Cert", "form": "xfcc_hash"},
    }
    opened = open_host({"odd": odd("plain")}, authenticator=authenticator(), wall=lambda: NOW)
    async with opened as plain, serve(plain, resource=URL, **proxied) as serving:
        serving.point.records.clear()
        yield serving


@pytest.fixture
def client(host: Host) -> Client:
    host.point.records.clear()
    return Client(host.address.port, host="gateway.example.com")


def shown(text: str, *, scheme: str = "DPoP") -> list[tuple[str, str]]:
    return [("Authorization", f"{scheme} {TOKEN}"), ("DPoP", text)]


async def test_a_proof_for_the_url_that_clients_know_is_good_once(client: Client, host: Host) -> None:
    text = proof(proof_claims(jti="once"))
    assert (await client.modern("tools/list", extra=shown(text))).status == 200
    replayed = await client.modern("tools/list", extra=shown(text))
    assert (replayed.status, replayed.reason) == (401, "proof_invalid")
    assert 'DPoP error="invalid_dpop_proof"' in replayed.headers["www-authenticate"]
    assert host.reasons == ["allowed", "proof_invalid"]


async def test_a_proof_for_another_method_or_url_is_none(client: Client) -> None:
    local = f"http://127.0.0.1:{client.port}/mcp"
    for number, changes in enumerate([{"htm": "DELETE"}, {"htu": local}, {"htu": "http://gateway.example.com/mcp"}]):
        text = proof(proof_claims(jti=f"other-{number}", **changes))
        extra = [*shown(text), ("X-Forwarded-Host", f"127.0.0.1:{client.port}"), ("X-Forwarded-Proto", "http")]
        reply = await client.modern("tools/list", extra=extra)
        assert (reply.status, reply.reason) == (401, "proof_invalid")


async def test_a_bound_token_is_nothing_to_whoever_only_has_it(client: Client, host: Host) -> None:
    for extra in ([("Authorization", f"Bearer {TOKEN}")], [("Authorization", f"DPoP {TOKEN}")]):
        reply = await client.modern("tools/list", extra=extra)
        assert (reply.status, reply.reason) == (401, "proof_invalid")
    bearer = await client.modern("tools/list", extra=shown(proof(proof_claims(jti="b")), scheme="Bearer"))
    assert (bearer.status, bearer.reason) == (401, "proof_invalid")
    assert 'Bearer error="invalid_token"' in bearer.headers["www-authenticate"]
    assert host.reasons == ["proof_invalid"] * 3


@pytest.mark.parametrize("name", WRITABLE)
async def test_no_hostile_proof_gets_anywhere(client: Client, host: Host, name: str) -> None:
    reply = await client.modern("tools/list", extra=shown(WRITABLE[name]))
    assert (reply.status, reply.reason) == (401, "proof_invalid")
    assert 'DPoP error="invalid_dpop_proof"' in reply.headers["www-authenticate"]
    assert host.reasons == ["proof_invalid"]


async def test_a_certificate_bound_token_needs_the_certificate_that_the_proxy_names(client: Client) -> None:
    worn = ("Authorization", "Bearer worn")
    for extra, status in [
        ([("X-Cert", f"Hash={'ab' * 32}")], 200),
        ([("X-Cert", f"Hash={'ac' * 32}")], 401),
        ([], 401),
    ]:
        assert (await client.modern("tools/list", extra=[worn, *extra])).status == status


async def test_a_nonce_is_wanted_given_and_used() -> None:
    nonces = Nonces(b"s" * SECRET_BYTES, lifetime=60, leeway=5)
    opened = open_host({}, authenticator=authenticator(nonces=nonces), wall=lambda: NOW)
    async with opened as plain, serve(plain, resource=URL) as serving:
        client = Client(serving.address.port, host="gateway.example.com")
        first = await client.modern("tools/list", extra=shown(proof(proof_claims(jti="1"))))
        assert (first.status, first.reason) == (401, "proof_invalid")
        assert 'DPoP error="use_dpop_nonce"' in first.headers["www-authenticate"]
        nonce = first.headers["dpop-nonce"]
        second = await client.modern("tools/list", extra=shown(proof(proof_claims(jti="2", nonce=nonce))))
        assert second.status == 200
        stranger = await client.modern("tools/list", extra=shown(proof(proof_claims(jti="3", nonce=nonce + "x"))))
        assert (stranger.status, "dpop-nonce" in stranger.headers) == (401, True)
