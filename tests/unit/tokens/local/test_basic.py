import base64

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.tokens.local.api_keys.key_text import new_key
from pdp.tokens.local.basic import BasicVerifier, read_basic
from tests.unit.tokens.minting import NOW

KEY = new_key(randomness=bytes(42))


class Keys:
    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        return VerifiedClaims("keys", "k", token, now + 1, {})


class Accounts:
    async def verify_password(self, name: str, *, password: str, now: float) -> VerifiedClaims:
        return VerifiedClaims("local", "l", f"{name}/{password}", now + 1, {})


def basic(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


async def subject(value: str, *, verifier: BasicVerifier) -> str:
    return (await verifier.verify(value, now=NOW)).subject


async def test_a_key_goes_with_its_own_id_and_anything_else_is_an_account() -> None:
    both = BasicVerifier(keys=Keys(), passwords=Accounts())
    assert await subject(basic(f"{KEY.id}:{KEY.text}"), verifier=both) == KEY.text
    assert await subject(basic("a@b.example:pass:wörd"), verifier=both) == "a@b.example/pass:wörd"


@pytest.mark.parametrize(
    ("value", "verifier"),
    [
        (basic(f"{'a' * 15}b:{KEY.text}"), BasicVerifier(keys=Keys(), passwords=Accounts())),
        (basic(f"{KEY.id}:secret"), BasicVerifier(keys=Keys(), passwords=Accounts())),
        (basic("a@b.example:password"), BasicVerifier(keys=Keys(), passwords=None)),
        (basic(f"{KEY.id}:{KEY.text}"), BasicVerifier(keys=None, passwords=None)),
    ],
)
async def test_what_fits_nothing_is_refused(value: str, verifier: BasicVerifier) -> None:
    with pytest.raises(TokenError) as caught:
        await verifier.verify(value, now=NOW)
    assert caught.value.code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize(
    "value",
    [
        "",
        "!",
        basic(""),
        basic("nocolon"),
        basic(":password"),
        basic(b"\xff\xfe:password"),
        basic("a:b\n"),
        basic("a\0:b"),
        basic("a:b\x85"),
        basic("alice:pass").rstrip("="),
        basic("alice:pas") + "=",
        " " + basic("alice:pass"),
        basic("alice:pass") + "\n",
        "YTpi YTpi",
        "YTpj_",
        "YTpjZB==",
        basic("alice:" + "p" * 3000),
    ],
)
def test_what_is_no_single_name_and_password_is_refused(value: str) -> None:
    with pytest.raises(TokenError) as caught:
        read_basic(value)
    assert caught.value.code is ReasonCode.TOKEN_INVALID
