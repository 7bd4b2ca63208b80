import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.identity import IdentitySettings
from pdp.tokens.authenticator import Authenticator
from pdp.tokens.introspection.introspectors import introspection_problems
from pdp.tokens.presented import Presented, Scheme, bearer
from pdp.tokens.trust import build_authenticator
from tests.unit.tokens.fetch.serving import fixed, serving
from tests.unit.tokens.introspection.endpoint import CLIENT, SECRET, IssuerEndpoint, active
from tests.unit.tokens.minting import AUDIENCE, EC_KEY, ISSUER, NOW, Events, claims, key_set, public_jwk, signed
from tests.unit.tokens.proof.proving import HOLDER_THUMBPRINT, URL, presented, proof, proof_claims, token_hash


def issuer(alias: str, *, name: str = "", introspection: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    usual = {"alias": alias, "issuer": name or f"https://{alias}.example.com", "audience": AUDIENCE, "jwks": "keys"}
    asked = None if introspection is None else {"client_id": CLIENT, "client_secret": SECRET} | introspection
    return {**usual, "introspection": asked, **more}


def identity(*issuers: dict[str, Any], **more: Any) -> IdentitySettings:
    return IdentitySettings.model_validate({"issuers": list(issuers), **more})


def authenticator(base: Path, *issuers: dict[str, Any], **more: Any) -> Authenticator:
    (base / "keys").write_bytes(key_set(public_jwk(EC_KEY, kid="k1")))
    return build_authenticator(identity(*issuers, **more), base=base, log=Events().log())


@asynccontextmanager
async def endpoint_of(*, alias: str, name: str, **tokens: dict[str, Any]) -> AsyncIterator[tuple[IssuerEndpoint, str]]:
    endpoint = IssuerEndpoint({f"{alias}-{token}": active(**{"iss": name, **said}) for token, said in tokens.items()})
    async with serving(endpoint.answer) as (port, requests):
        endpoint.requests = requests
        yield endpoint, f"http://127.0.0.1:{port}/introspect"


async def code(asked: Authenticator, credential: Presented) -> ReasonCode:
    with pytest.raises(TokenError) as caught:
        await asked.authenticate(credential, now=NOW)
    return caught.value.code


async def test_no_token_is_shown_to_an_issuer_that_did_not_make_it(tmp_path: Path) -> None:
    async with (
        endpoint_of(alias="one", name="https://one.example.com", t={"sub": "alice"}) as (one, first),
        endpoint_of(alias="two", name="https://two.example.com", t={"sub": "bob"}) as (two, second),
    ):
        asked = authenticator(
            tmp_path,
            issuer("one", introspection={"endpoint": first, "token_prefix": "one-"}),
            issuer("two", introspection={"endpoint": second, "token_prefix": "two-"}),
            issuer("jwt", name=ISSUER),
        )
        found = await asked.authenticate(bearer("one-t"), now=NOW)
        assert (found.alias, found.subject) == ("one", "alice")
        found = await asked.authenticate(bearer("two-t"), now=NOW)
        assert (found.alias, found.subject) == ("two", "bob")
        assert (await asked.authenticate(bearer(signed(claims())), now=NOW)).alias == "jwt"
        for token in ("three-t", "One-t", "on", signed(claims(iss="https://one.example.com"))[:-5], "a.b.c", "eyJ9"):
            assert await code(asked, bearer(token)) is ReasonCode.TOKEN_INVALID
        assert (one.asked, two.asked) == (["one-t"], ["two-t"])


async def test_an_issuer_cannot_speak_for_another(tmp_path: Path) -> None:
    async with endpoint_of(alias="one", name="https://two.example.com", t={"sub": "admin"}) as (_, url):
        asked = authenticator(tmp_path, issuer("one", introspection={"endpoint": url}), issuer("two"))
        assert await code(asked, bearer("one-t")) is ReasonCode.TOKEN_INVALID


async def test_the_endpoint_is_found_in_the_issuers_metadata(tmp_path: Path) -> None:
    async with endpoint_of(alias="one", name="ISSUER", t={"iss": None}) as (endpoint, url):

        async def publish(_: str, writer: asyncio.StreamWriter) -> None:
            metadata = {"issuer": name, "introspection_endpoint": url}
            await fixed(json.dumps(metadata).encode())("", writer)

        async with serving(publish) as (port, _):
            name = f"http://127.0.0.1:{port}"
            asked = authenticator(tmp_path, issuer("one", name=name, introspection={}))
            assert (await asked.authenticate(bearer("one-t"), now=NOW)).alias == "one"
            assert endpoint.asked == ["one-t"]
            asked = authenticator(tmp_path, issuer("one", name=f"{name}/other", introspection={}))
            assert await code(asked, bearer("one-t")) is ReasonCode.ISSUER_UNAVAILABLE


async def test_an_opaque_token_bound_to_a_key_needs_a_proof_for_each_request(tmp_path: Path) -> None:
    bound = {"cnf": {"jkt": HOLDER_THUMBPRINT}, "token_type": "DPoP"}
    async with endpoint_of(alias="one", name="https://one.example.com", t=bound) as (endpoint, url):
        asked = authenticator(tmp_path, issuer("one", introspection={"endpoint": url}))
        for jti in ("one", "two"):
            text = proof(proof_claims(jti=jti, ath=token_hash("one-t")))
            assert (await asked.authenticate(presented(text, token="one-t"), now=NOW)).subject == "alice"
            assert await code(asked, presented(text, token="one-t")) is ReasonCode.PROOF_INVALID
        assert await code(asked, bearer("one-t")) is ReasonCode.PROOF_INVALID
        assert await code(asked, Presented(Scheme.DPOP, "one-t", None, "POST", URL)) is ReasonCode.PROOF_INVALID
        assert endpoint.asked == ["one-t"]


async def test_what_an_issuer_requires_is_required_of_its_opaque_tokens_too(tmp_path: Path) -> None:
    async with endpoint_of(alias="one", name="https://one.example.com", t={}) as (_, url):
        for required in ("dpop", "certificate_bound"):
            asked = authenticator(
                tmp_path, issuer("one", introspection={"endpoint": url}, **{required: "required"}), issuer("two")
            )
            assert await code(asked, bearer("one-t")) is ReasonCode.PROOF_INVALID


async def test_what_an_answer_may_leave_out_is_in_the_settings_of_its_issuer(tmp_path: Path) -> None:
    said = {"t": {"aud": None}, "c": {"sub": None}, "l": {"exp": None}}
    async with endpoint_of(alias="one", name="https://one.example.com", **said) as (_, url):
        strict = authenticator(tmp_path, issuer("one", introspection={"endpoint": url}, max_lifetime="1h"))
        codes = [await code(strict, bearer(f"one-{token}")) for token in said]
        assert codes == [ReasonCode.AUDIENCE_MISMATCH, ReasonCode.TOKEN_INVALID, ReasonCode.TOKEN_INVALID]
        lenient = {"endpoint": url, "without_audience": "believed", "without_subject": "client"}
        asked = authenticator(tmp_path, issuer("one", introspection=lenient))
        found = [(await asked.authenticate(bearer(f"one-{token}"), now=NOW)).subject for token in said]
        assert found == ["alice", "agent", "alice"]


async def test_a_nonce_is_asked_for_where_the_settings_say_so(tmp_path: Path) -> None:
    bound = {"cnf": {"jkt": HOLDER_THUMBPRINT}}
    dpop = {"nonce": "required", "nonce_key": "nonces"}
    async with endpoint_of(alias="one", name="https://one.example.com", t=bound) as (_, url):
        one = issuer("one", introspection={"endpoint": url})
        asked, other = authenticator(tmp_path, one, dpop=dpop), authenticator(tmp_path, one, dpop=dpop)
        stranger = authenticator(tmp_path, one, dpop={"nonce": "required"})
        with pytest.raises(TokenError) as caught:
            await asked.authenticate(presented(proof(proof_claims(ath=token_hash("one-t"))), token="one-t"), now=NOW)
        text = proof(proof_claims(ath=token_hash("one-t"), nonce=caught.value.nonce))
        assert (await asked.authenticate(presented(text, token="one-t"), now=NOW)).subject == "alice"
        assert (await other.authenticate(presented(text, token="one-t"), now=NOW)).subject == "alice"
        assert await code(stranger, presented(text, token="one-t")) is ReasonCode.PROOF_INVALID


NONE: dict[str, Any] = {}
PLACE = {"endpoint": "https://one.example.com/introspect"}


def prefixed(alias: str, prefix: str) -> dict[str, Any]:
    return issuer(alias, introspection={"token_prefix": prefix})


@pytest.mark.parametrize(
    ("issuers", "problems"),
    [
        ([issuer("one")], []),
        ([issuer("one", introspection=NONE)], []),
        ([issuer("one", introspection=PLACE), issuer("two")], []),
        ([prefixed("one", "one-"), prefixed("two", "two-")], []),
        ([prefixed("one", "one-"), issuer("two", introspection=NONE)], ["two"]),
        ([issuer("one", introspection=NONE), issuer("two", introspection=NONE)], ["one", "two"]),
        ([prefixed("one", "one"), prefixed("two", "one")], ["one", "two"]),
        ([prefixed("one", "one"), prefixed("two", "one-")], ["one"]),
        ([prefixed("one", "eyJ")], ["one"]),
        ([prefixed("one", "ewo")], ["one"]),
        ([prefixed("one", "ext_")], ["one"]),
        ([issuer("one", introspection={"endpoint": "http://one.example.com/introspect"})], ["one"]),
        ([issuer("one", introspection={"endpoint": "https://u:p@one.example.com/"})], ["one"]),
        ([issuer("one", introspection={"endpoint": "introspect"})], ["one"]),
        ([issuer("one", name="urn:one", introspection=NONE)], ["one"]),
        ([issuer("one", name="urn:one", introspection=PLACE)], []),
    ],
)
def test_settings_that_leave_a_doubt_where_a_token_goes_are_refused(
    issuers: list[dict[str, Any]], problems: list[str]
) -> None:
    found = introspection_problems(identity(*issuers))
    assert [(problem.code, problem.message.split("`")[1]) for problem in found] == [
        ("introspection_invalid", alias) for alias in problems
    ]


@pytest.mark.parametrize(("prefix", "problems"), [("tgk", 1), ("tgk_", 1), ("tgk_1", 1), ("tok_", 0)])
def test_what_is_another_kind_of_credential_is_shown_to_no_issuer(prefix: str, problems: int) -> None:
    assert len(introspection_problems(identity(prefixed("one", prefix)), taken={"tgk_"})) == problems


@pytest.mark.parametrize("prefix", ["", "ab", "a b", "pre fix", "pre\n", "\xe9xx", "x" * 65])
def test_a_prefix_is_one_that_a_token_can_have(prefix: str) -> None:
    with pytest.raises(ValueError, match="token_prefix"):
        identity(issuer("one", introspection={"token_prefix": prefix}))
