"""Issuers that are found, change their keys, fail and hang: over real connections, through the whole composition."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.identity import IdentitySettings
from pdp.tokens.authenticator import Authenticator
from pdp.tokens.presented import bearer
from pdp.tokens.trust import build_authenticator
from tests.unit.tokens.fetch.serving import fixed, serving
from tests.unit.tokens.minting import AUDIENCE, EC_KEY, NOW, Events, claims, key_set, public_jwk, signed

NOWHERE = Path("/nonexistent")


class Provider:
    """An identity provider: its metadata and keys, and ways for it to misbehave."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"k1": EC_KEY}
        self.published = ["k1"]
        self.answers = asyncio.Event()
        self.answers.set()
        self.is_broken = False
        self.metadata: dict[str, Any] = {}

    def rotate(self) -> None:
        """A new key is published beside the last one, and signs from now on."""
        name = f"k{len(self.keys) + 1}"
        self.keys[name] = ec.generate_private_key(ec.SECP256R1())
        self.published = [self.published[-1], name]

    def token(self, port: int, **changes: Any) -> str:
        """A token signed with the newest key."""
        name = self.published[-1]
        return signed(claims(iss=f"http://127.0.0.1:{port}", **changes), key=self.keys[name], kid=name)

    async def answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        await self.answers.wait()
        issuer = f"http://127.0.0.1:{writer.get_extra_info('sockname')[1]}"
        pages = {
            "/.well-known/openid-configuration": json.dumps(
                {"issuer": issuer, "jwks_uri": f"{issuer}/keys"} | self.metadata
            ).encode(),
            "/keys": key_set(*(public_jwk(self.keys[name], kid=name) for name in self.published)),
        }
        page = pages.get(head.split(" ")[1])
        missing = page is None or self.is_broken
        await (fixed(b"", status="500 Oops") if missing else fixed(page or b""))(head, writer)


def believing(*ports: int, timeout: str = "20s", **named: Any) -> Authenticator:
    issuers = [
        {"alias": f"i{number}", "issuer": f"http://127.0.0.1:{port}", "audience": AUDIENCE}
        for number, port in enumerate(ports)
    ]
    settings = IdentitySettings.model_validate({"issuers": issuers, "jwks_timeout": timeout, **named})
    return build_authenticator(settings, base=NOWHERE, log=Events().log())


async def subject(authenticator: Authenticator, token: str, *, now: float = NOW) -> str:
    return (await authenticator.authenticate(bearer(token), now=now)).subject


async def refusal(authenticator: Authenticator, token: str, *, now: float = NOW) -> ReasonCode:
    with pytest.raises(TokenError) as caught:
        await authenticator.authenticate(bearer(token), now=now)
    return caught.value.code


async def test_an_issuer_is_found_by_its_name_alone() -> None:
    provider = Provider()
    async with serving(provider.answer) as (port, requests):
        authenticator = believing(port)
        assert requests == [], "nothing is asked before the first token"
        assert await subject(authenticator, provider.token(port)) == "alice"
    assert [request.split(" ")[1] for request in requests] == [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/keys",
    ]


async def test_keys_are_rotated_under_load_and_no_request_fails() -> None:
    provider, done = Provider(), 0
    async with serving(provider.answer) as (port, requests):
        authenticator = believing(port)

        async def client(number: int) -> None:
            nonlocal done
            for turn in range(20):
                if number == 0 and turn % 4 == 3:
                    provider.rotate()
                name = f"user-{number}-{turn}"
                now = NOW + done / 100
                assert await subject(authenticator, provider.token(port, sub=name), now=now) == name
                done += 1

        await asyncio.gather(*map(client, range(40)))
    assert (done, len(provider.keys)) == (800, 6)
    fetches = [request for request in requests if request.startswith("GET /keys ")]
    assert 6 <= len(fetches) <= 12


async def test_a_flood_of_invented_keys_does_not_keep_a_rotation_from_being_found_for_long() -> None:
    provider = Provider()
    async with serving(provider.answer) as (port, requests):
        authenticator = believing(port)
        await subject(authenticator, provider.token(port))
        issuer = f"http://127.0.0.1:{port}"
        forged = [signed(claims(iss=issuer), kid=f"invented-{number}") for number in range(300)]
        codes = await asyncio.gather(*(refusal(authenticator, token) for token in forged))
        assert set(codes) == {ReasonCode.TOKEN_INVALID}
        assert len([request for request in requests if request.startswith("GET /keys ")]) == 2
        provider.rotate()
        assert await subject(authenticator, provider.token(port), now=NOW + 10) == "alice"


async def test_an_issuer_that_hangs_keeps_nobody_else_waiting() -> None:
    slow, quick = Provider(), Provider()
    slow.answers.clear()
    async with serving(slow.answer) as (slow_port, _), serving(quick.answer) as (port, _):
        authenticator = believing(slow_port, port)
        waiting = asyncio.create_task(subject(authenticator, slow.token(slow_port)))
        await asyncio.sleep(0)
        assert await subject(authenticator, quick.token(port)) == "alice"
        assert not waiting.done()
        slow.answers.set()
        assert await waiting == "alice"


async def test_an_issuer_that_hangs_is_waited_for_within_bounds() -> None:
    slow = Provider()
    slow.answers.clear()
    async with serving(slow.answer) as (port, _):
        authenticator = believing(port, timeout="300ms")
        for _ in range(2):
            assert await refusal(authenticator, slow.token(port)) is ReasonCode.ISSUER_UNAVAILABLE


async def test_a_token_that_is_wrong_in_any_case_is_not_said_to_be_unverifiable() -> None:
    provider = Provider()
    provider.is_broken = True
    async with serving(provider.answer) as (port, requests):
        authenticator = believing(port)
        assert await refusal(authenticator, provider.token(port, exp=int(NOW) - 60)) is ReasonCode.TOKEN_EXPIRED
        assert await refusal(authenticator, provider.token(port, aud="x")) is ReasonCode.AUDIENCE_MISMATCH
        assert await refusal(authenticator, provider.token(port, sub=None)) is ReasonCode.TOKEN_INVALID
        assert requests == [], "nobody was asked for them"
        assert await refusal(authenticator, provider.token(port)) is ReasonCode.ISSUER_UNAVAILABLE


async def test_when_an_issuer_fails_its_known_keys_go_on_and_unknown_ones_are_unavailable() -> None:
    provider = Provider()
    async with serving(provider.answer) as (port, _):
        authenticator = believing(port)
        known = provider.token(port, exp=int(NOW) + 100_000)
        await subject(authenticator, known)
        provider.is_broken = True
        for later in (0, 700, 5000, 80_000):
            assert await subject(authenticator, known, now=NOW + later) == "alice"
        provider.rotate()
        unknown = provider.token(port, exp=int(NOW) + 100_000)
        assert await refusal(authenticator, unknown, now=NOW + 80_000) is ReasonCode.ISSUER_UNAVAILABLE
        provider.is_broken = False
        assert await subject(authenticator, unknown, now=NOW + 80_010) == "alice"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://honest.example.com"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://10.0.0.1/keys"},
        {"jwks_uri": "https://169.254.169.254/latest/meta-data/"},
        {"jwks_uri": "https://10.0.0.1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_metadata_that_cannot_be_used_fails_closed(metadata: dict[str, Any]) -> None:
    provider = Provider()
    provider.metadata = metadata
    async with serving(provider.answer) as (port, _):
        assert await refusal(believing(port), provider.token(port)) is ReasonCode.ISSUER_UNAVAILABLE


async def test_keys_of_one_issuer_count_for_no_other() -> None:
    first, second = Provider(), Provider()
    second.keys["k1"] = ec.generate_private_key(ec.SECP256R1())
    async with serving(first.answer) as (one, _), serving(second.answer) as (two, _):
        authenticator = believing(one, two)
        assert await subject(authenticator, first.token(one)) == "alice"
        assert await subject(authenticator, second.token(two)) == "alice"
        assert await refusal(authenticator, first.token(two)) is ReasonCode.TOKEN_INVALID
        assert await refusal(authenticator, second.token(one)) is ReasonCode.TOKEN_INVALID
