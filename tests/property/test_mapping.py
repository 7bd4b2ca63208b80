"""Whatever claims say: a principal that has all that they claim, or a refusal with its code."""

from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from pdp.core.contract.errors import TokenError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import mapped_by, principal_of
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.mapping_file import read_mapping

RICH = read_mapping(
    b"""
version: 1
attributes:
  {email: string, level: long, quota: decimal, since: datetime, desk: ip, teams: set of string, staff: boolean}
scopes: {implies: {a: [b], b: [c]}}
default:
  id: {claim: [oid, sub]}
  groups: [{claim: groups, default: []}, {claim: "$.realm_access.roles[*]", default: []}]
  roles: {claim: roles, split: " ", default: []}
  tenant: {claim: "$.tenant", default: null}
  scopes: [{claim: scope, split: " ", default: []}, {claim: scp, split: " ", default: []}]
  actor: {claim: azp, default: null}
  delegation: {claim: act, issuers: {"https://other": other}}
  attributes:
    email: {claim: email, default: null}
    level: {claim: level, default: 0}
    quota: {claim: level, default: null}
    since: {claim: level, default: null}
    desk: {claim: email, default: null}
    teams: {claim: groups, default: []}
    staff: {claim: staff, default: false}
  agent: {when: {any: [{claim: idtyp, equals: app}, {claim: sub, equals_claim: azp}]}}
  refuse: [{when: {claim: tenant, equals: evil}, message: not here}]
""",
    file="identity.yaml",
)
NAMES = ("groups", "realm_access", "roles", "tenant", "scope", "scp", "azp", "act", "email", "level", "staff", "idtyp")
ODD = ("_claim_names", "hasgroups", "groups:src1", "oid", "sub", "iss")

_TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "b c", "dev|x", "|", "corp|a", "a\u200b", "\ud800", "evil", "app", "10.1.2.3", "x" * 600]
    ),
    st.text(max_size=8),
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["sub", "iss", "act", "roles", "a"]), inner, max_size=3),
    ),
    max_leaves=8,
)
_ACT = st.recursive(
    st.fixed_dictionaries({"sub": _TEXTS}, optional={"iss": st.sampled_from(["https://other", "https://evil", 1])}),
    lambda inner: st.fixed_dictionaries({"sub": _TEXTS, "act": inner}),
    max_leaves=3,
)
_LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "groups": st.lists(_TEXTS, max_size=5),
    "realm_access": st.fixed_dictionaries({"roles": st.lists(_TEXTS, max_size=3)}),
    "roles": st.lists(_TEXTS, max_size=3),
    "act": _ACT,
    "level": st.integers(-5, 5),
    "staff": st.booleans(),
    "scope": st.sampled_from(["a", "a b", "c", "", "a  b"]),
}
_CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.one_of(_LIKELY.get(name, _TEXTS), _JSON) for name in NAMES},
        **dict.fromkeys(ODD, _JSON),
    },
)


def _texts_in(value: Any) -> set[str]:
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()


@settings(deadline=None, max_examples=500)
@given(claims=_CLAIMS, by=st.sampled_from([BUILT_IN, RICH]), subject=st.sampled_from(["alice", "dev|alice", "|"]))
def test_claims_make_a_whole_principal_or_none(claims: dict[str, Any], by: IdentityMapping, subject: str) -> None:
    verified = VerifiedClaims("corp", "https://idp", subject, 0.0, claims)
    mapped = mapped_by(by, verified)
    if mapped.principal is None:
        event("refused")
        with pytest.raises(TokenError) as refused:
            principal_of(verified, mapping=by)
        assert (refused.value.code, refused.value.detail) == (ReasonCode.IDENTITY_UNMAPPED, "; ".join(mapped.problems))
        assert all(mapped.problems)
        return
    principal = principal_of(verified, mapping=by)
    event("mapped")
    properties = principal.properties
    claimed = _texts_in(claims.get("groups"))
    if by is RICH:
        claimed |= _texts_in(claims.get("realm_access", {}).get("roles"))
    assert set(properties.groups) == {f"corp|{name}" for name in claimed}
    ids = [principal.id, *properties.groups, *properties.roles, *([properties.tenant] if properties.tenant else [])]
    assert [one for one in ids if not one.startswith("corp|") or one == "corp|"] == []
    agents = [principal.actor] if principal.actor else []
    agents += principal.delegation.members if principal.delegation else ()
    assert [one for one in agents if one.partition("|")[0] not in {"corp", "other"}] == []
    assert mapped.principal == principal
    assert principal.digest.startswith("sha256:")
    assert canonical(principal.subject().properties)


@settings(deadline=None, max_examples=300)
@given(claims=_CLAIMS, by_reference=st.sampled_from(["groups", "roles", "tenant", "email", "scope", "azp"]))
def test_no_claim_that_is_read_and_given_by_reference_makes_a_principal(
    claims: dict[str, Any], by_reference: str
) -> None:
    claims["_claim_names"] = {by_reference: "src1"}
    agent = claims.get("azp") == "alice" or "act" in claims
    if by_reference == "azp" and agent:
        return
    mapped = mapped_by(RICH, VerifiedClaims("corp", "https://idp", "alice", 0.0, claims))
    assert mapped.principal is None
