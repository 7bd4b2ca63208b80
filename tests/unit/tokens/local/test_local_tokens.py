from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import principal_of
from pdp.tokens.local.accounts.account import Account, AccountState
from pdp.tokens.local.accounts.sql_store import SqlAccounts
from pdp.tokens.local.accounts.standing import Standings
from pdp.tokens.local.local_tokens import PROVIDER_CLAIM, VERSION_CLAIM, LocalTokens
from tests.unit.tokens.minting import ISSUER, NOW

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Signed:
    """Believes everything, of the issuer with the alias `alias`."""

    def __init__(self, claims: Mapping[str, Any] = NOTHING, *, alias: str = "local") -> None:
        self.claims = VerifiedClaims(alias, "https://gate", "alice", NOW + 9, {"sub": "alice", "iss": "x", **claims})

    async def verify(self, token: str, *, now: float) -> VerifiedClaims:
        return self.claims


def tokens(signed: Signed, *, standings: Standings | None = None, **providers: str) -> LocalTokens:
    return LocalTokens(signed, alias="local", providers=providers, standings=standings)


async def code(verifier: LocalTokens) -> ReasonCode:
    with pytest.raises(TokenError) as caught:
        await verifier.verify("t", now=NOW)
    return caught.value.code


async def test_an_exchanged_token_speaks_for_the_providers_user() -> None:
    signed = Signed({PROVIDER_CLAIM: "corp", "groups": ["eng"], "client_id": "cursor", "act": {"sub": "bot"}})
    found = await tokens(signed, corp=ISSUER).verify("t", now=NOW)
    assert (found.alias, found.issuer, found.subject) == ("corp", ISSUER, "alice")
    own = VerifiedClaims("corp", ISSUER, "alice", NOW, {"sub": "alice", "iss": ISSUER, "groups": ["eng"]})
    principal = principal_of(found, mapping=BUILT_IN)
    assert (principal.id, principal.properties) == (
        principal_of(own, mapping=BUILT_IN).id,
        principal_of(own, mapping=BUILT_IN).properties,
    )
    assert principal.actor == "corp|bot"
    assert found.claims == {
        "sub": "alice", "iss": ISSUER, "groups": ["eng"], "client_id": "cursor", "act": {"sub": "bot"},
    }  # fmt: skip


@pytest.mark.parametrize("alias", ["gone", "local", "", None, 5, ["corp"], {}])
async def test_a_provider_that_is_not_configured_any_more_ends_its_tokens(alias: object) -> None:
    assert await code(tokens(Signed({PROVIDER_CLAIM: alias}), corp=ISSUER)) is ReasonCode.TOKEN_INVALID


async def test_no_other_issuer_can_speak_for_a_provider() -> None:
    signed = Signed({PROVIDER_CLAIM: "corp", VERSION_CLAIM: 1}, alias="other")
    assert await tokens(signed, corp=ISSUER).verify("t", now=NOW) == signed.claims


async def test_a_token_of_no_kind_that_is_given_is_not_taken() -> None:
    assert await code(tokens(Signed(), corp=ISSUER)) is ReasonCode.TOKEN_INVALID
    assert await code(tokens(Signed({VERSION_CLAIM: 1}), corp=ISSUER)) is ReasonCode.TOKEN_INVALID


async def test_a_token_of_an_account_is_good_for_its_version_alone(tmp_path: Path) -> None:
    store = SqlAccounts("sqlite:///a.db", base=tmp_path)
    store.invite(Account("alice"))
    active = store.set_state("alice", state=AccountState.ACTIVE)
    assert active is not None
    found = await tokens(Signed({VERSION_CLAIM: active.version}), standings=Standings(store)).verify("t", now=NOW)
    assert (found.alias, VERSION_CLAIM in found.claims) == ("local", False)
    stale = tokens(Signed({VERSION_CLAIM: active.version - 1}), standings=Standings(store))
    assert await code(stale) is ReasonCode.TOKEN_INVALID
    store.close()
