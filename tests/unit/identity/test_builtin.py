from typing import Any

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import principal_of
from pdp.core.identity.principal import Delegation, Principal, PrincipalType, SubjectProperties


def claims(**values: Any) -> VerifiedClaims:
    return VerifiedClaims(alias="corp", issuer="https://idp", subject="alice", expires_at=0.0, claims=values)


def mapped(verified: VerifiedClaims) -> Principal:
    return principal_of(verified, mapping=BUILT_IN)


def test_every_id_carries_the_issuers_alias() -> None:
    found = mapped(
        claims(groups=["eng", "ops"], roles=["dev"], tenant="acme", email="a@x", scope="git:read b", client_id="cli")
    )
    assert found == Principal(
        type=PrincipalType.USER,
        id="corp|alice",
        properties=SubjectProperties(
            ("corp|eng", "corp|ops"), ("corp|dev",), "corp|acme", {"email": "a@x"}, BUILT_IN.digest
        ),
        scopes=("b", "git:read"),
        actor="corp|cli",
    )


def test_a_token_of_its_own_client_is_an_agents() -> None:
    assert mapped(claims(client_id="alice")).type is PrincipalType.AGENT


def test_the_delegation_chain_is_kept_in_order() -> None:
    found = mapped(claims(act={"sub": "near", "act": {"sub": "far"}}, client_id="cli"))
    assert found.actor == "corp|near"
    assert found.delegation == Delegation("corp|near", "corp|far", 2, ("corp|far", "corp|near"))


def _nested(levels: int) -> dict[str, Any]:
    act: dict[str, Any] = {"sub": "a"}
    for _ in range(levels):
        act = {"sub": "a", "act": act}
    return act


@pytest.mark.parametrize(
    "values",
    [
        {"groups": "eng"},
        {"groups": None},
        {"groups": [1]},
        {"groups": [""]},
        {"groups": {"eng": True}},
        {"roles": ["a", None]},
        {"tenant": 7},
        {"tenant": ""},
        {"scope": {"a": True}},
        {"scope": ["a b"]},
        {"scope": "\u00e9"},
        {"groups": ["a\u200bb"]},
        {"groups": ["x" * 513]},
        {"groups": [str(number) for number in range(1001)]},
        {"_claim_names": {"groups": "src1"}},
        {"_claim_names": []},
        {"groups": [], "hasgroups": True},
        {"groups:src1": "https://graph.example"},
        {"scp": 7},
        {"client_id": {}},
        {"email": []},
        {"act": "x"},
        {"act": {}},
        {"act": {"sub": ""}},
        {"act": {"sub": "a", "act": 7}},
        {"act": _nested(20)},
    ],
)
def test_a_claim_that_cannot_be_read_is_never_taken_for_an_empty_one(values: dict[str, Any]) -> None:
    with pytest.raises(TokenError) as refused:
        mapped(claims(**values))
    assert refused.value.code is ReasonCode.IDENTITY_UNMAPPED


def test_two_principals_that_differ_in_anything_have_different_digests() -> None:
    several: list[dict[str, Any]] = [
        {},
        {"groups": ["a"]},
        {"roles": ["a"]},
        {"tenant": "a"},
        {"scope": "a"},
        {"act": {"sub": "a"}},
    ]
    assert len({mapped(claims(**values)).digest for values in several}) == len(several)
