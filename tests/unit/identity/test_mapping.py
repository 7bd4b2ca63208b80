from typing import Any

import msgspec
import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.identity.mapped import mapped_by, principal_of
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.principal import Delegation, Principal, PrincipalType, SubjectProperties
from pdp.core.identity.source import Origin
from tests.unit.identity.mappings import mapped, mapping, unmapped, verified

EVERYTHING = """
    attributes:
      email: string
      level: long
      staff: boolean
      quota: decimal
      since: datetime
      desk: ip
      teams: set of string
      floors: set of long
    scopes: {implies: {"git:admin": ["git:write"], "git:write": ["git:read"]}}
    issuers:
      corp:
        id: {claim: oid}
        groups:
          - {claim: "$.realm_access.roles", strip_prefix: /, default: []}
          - {claim: "$['https://example.com/groups'][*]", prefix: "x:", default: []}
        roles: {claim: roles, split: ",", default: [guest]}
        tenant: {claim: "$.organizations[0]", default: acme}
        scopes: {claim: [scope, scp], split: " "}
        actor: {claim: azp, default: null}
        attributes:
          email: {claim: email, default: null}
          level: {claim: level, default: 1}
          staff: {claim: staff, default: false}
          quota: {claim: quota, default: null}
          since: {claim: auth_time, default: null}
          desk: {claim: desk, default: null}
          teams: {claim: teams, split: ";", default: []}
          floors: {claim: floors, default: null}
        delegation: {claim: act, issuers: {"https://agents.example": agents}}
        agent:
          when:
            any:
              - {claim: idtyp, equals: app}
              - {all: [{claim: gty, is: present}, {not: {claim: upn, is: present}}]}
          id: {claim: azp}
          scopes: {claim: roles}
          attributes: {level: {default: 0}}
        refuse:
          - {when: {claim: acct, equals: 1}, message: guests have no access here}
"""
ALL = mapping(EVERYTHING)
LEAST: dict[str, Any] = {"oid": "o-1", "scope": ""}


def test_every_member_comes_from_where_the_mapping_says() -> None:
    found = mapped(
        ALL,
        oid="o-1",
        realm_access={"roles": ["/eng/core", "/ops"]},
        **{"https://example.com/groups": ["a"]},
        roles="dev,lead",
        organizations=["zeta", "beta"],
        scp="git:admin other",
        azp="cli",
        email="a@x",
        level=7,
        staff=True,
        quota=12.5,
        auth_time=1_785_229_200,
        desk="::ffff:10.1.2.3",
        teams="red;blue",
        floors=[3, 1, 3],
    )
    assert found == Principal(
        PrincipalType.USER,
        "corp|o-1",
        SubjectProperties(
            groups=("corp|eng/core", "corp|ops", "corp|x:a"),
            roles=("corp|dev", "corp|lead"),
            tenant="corp|zeta",
            attributes={
                "email": "a@x",
                "level": 7,
                "staff": True,
                "quota": "12.5000",
                "since": "2026-07-28T09:00:00.000Z",
                "desk": "10.1.2.3",
                "teams": ("blue", "red"),
                "floors": (1, 3),
            },
            mapping=ALL.digest,
        ),
        scopes=("git:admin", "git:read", "git:write", "other"),
        actor="corp|cli",
    )


def test_what_is_missing_is_what_the_mapping_writes_instead() -> None:
    found = mapped(ALL, **LEAST)
    assert found.properties == SubjectProperties(
        roles=("corp|guest",),
        tenant="corp|acme",
        attributes={"level": 1, "staff": False, "teams": ()},
        mapping=ALL.digest,
    )
    assert (found.scopes, found.actor, found.delegation) == ((), None, None)


@pytest.mark.parametrize("missing", ["oid", "scope"])
def test_what_is_missing_without_a_default_is_an_error(missing: str) -> None:
    member, claims = ("id", "claim `oid` is") if missing == "oid" else ("scopes", "claims `scope` and `scp` are")
    present = {name: value for name, value in LEAST.items() if name != missing}
    assert unmapped(ALL, **present) == f"{claims} missing, and `{member}` has no default"


@pytest.mark.parametrize(
    ("claims", "wrong"),
    [
        ({"oid": 7}, "claim `oid` holds something that is no text"),
        ({"oid": ["o"]}, "claim `oid` holds something that is no text"),
        ({"oid": None}, "claim `oid` must not be null"),
        ({"oid": ""}, "claim `oid` has a name that is empty or longer than 512 characters"),
        ({"oid": "o" * 513}, "claim `oid` has a name that is empty or longer than 512 characters"),
        ({"oid": "a\u200bb"}, "claim `oid` has a name with characters that are not seen"),
        ({"oid": "a\nb"}, "claim `oid` has a name with characters that are not seen"),
        ({"oid": "a\x00"}, "claim `oid` has a name with characters that are not seen"),
        ({"oid": "\ud800"}, "claim `oid` has a name with characters that are not seen"),
        ({"realm_access": "x"}, "what is before step 2 of `$.realm_access.roles` must be an object"),
        ({"realm_access": {"roles": "x"}}, "claim `$.realm_access.roles` must be an array of texts"),
        ({"realm_access": {"roles": {"x": 1}}}, "claim `$.realm_access.roles` must be an array of texts"),
        ({"realm_access": {"roles": [1]}}, "claim `$.realm_access.roles` holds something that is no text"),
        (
            {"realm_access": {"roles": ["eng"]}},
            "claim `$.realm_access.roles` has a text that does not begin with `/`",
        ),
        ({"https://example.com/groups": "a"}, "claim `$['https://example.com/groups']` must be an array"),
        ({"organizations": {"0": "a"}}, "what is before step 2 of `$.organizations[0]` must be an array"),
        ({"level": "7"}, "claim `level` must be an integer of 64 bits"),
        ({"level": True}, "claim `level` must be an integer of 64 bits"),
        ({"level": 1.0}, "claim `level` must be an integer of 64 bits"),
        ({"level": 2**63}, "claim `level` must be an integer of 64 bits"),
        ({"staff": 1}, "claim `staff` must be true or false"),
        ({"quota": 0.00001}, "claim `quota` must be a number with at most 4 decimal places"),
        ({"quota": 1e300}, "claim `quota` must be a number with at most 4 decimal places"),
        ({"quota": "lots"}, "claim `quota` must be a number with at most 4 decimal places"),
        (
            {"auth_time": "yesterday"},
            "claim `auth_time` must be a time: seconds since 1970, or as `2026-07-28T09:00:00Z`",
        ),
        ({"auth_time": 1e18}, "claim `auth_time` must be a time: seconds since 1970, or as `2026-07-28T09:00:00Z`"),
        ({"desk": "10.1.2.3/8"}, "claim `desk` must be an IP address"),
        ({"desk": "fe80::1%eth0"}, "claim `desk` must be an IP address"),
        ({"email": ["a"]}, "claim `email` must be a text of at most 4096 characters"),
        ({"email": "\udfff"}, "claim `email` must be a text of whole characters"),
        ({"teams": 7}, "claim `teams` must be an array of texts"),
        ({"floors": [1, "2"]}, "claim `floors` must be an integer of 64 bits"),
        ({"floors": 1}, "claim `floors` must be an array of at most 1000 values of type `long`"),
        ({"scope": "a\tb"}, "claim `scope` has a name with characters that are not seen"),
        ({"scope": 'a"b'}, "a scope has characters that none may have"),
        ({"idtyp": ["app"]}, "claim `idtyp` must be a text"),
        ({"acct": True}, "claim `acct` must be an integer"),
    ],
)
def test_a_claim_of_the_wrong_type_is_an_error_that_names_it_and_never_its_value(
    claims: dict[str, Any], wrong: str
) -> None:
    assert unmapped(ALL, **LEAST | claims) == wrong


def test_every_problem_is_told_at_once() -> None:
    assert unmapped(ALL, level="x", staff="y", scope=1).split("; ") == [
        "claim `scope` must be an array of texts",
        "claim `oid` is missing, and `id` has no default",
        "claim `level` must be an integer of 64 bits",
        "claim `staff` must be true or false",
    ]


@pytest.mark.parametrize(
    "by_reference",
    [
        {"_claim_names": {"roles": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}},
        {"_claim_names": {"roles": "src1"}, "roles": []},
        {"_claim_names": {"oid": "src1"}},
        {"roles:src1": "https://graph.example"},
        {"_claim_names": "roles"},
    ],
)
def test_a_claim_that_is_given_by_reference_is_an_error_whatever_its_default(by_reference: dict[str, Any]) -> None:
    assert "claim `" in unmapped(ALL, **LEAST | by_reference)


def test_a_reference_to_a_claim_that_nobody_reads_changes_nothing() -> None:
    assert mapped(ALL, **LEAST, _claim_names={"photo": "src1"}) == mapped(ALL, **LEAST)


def test_an_agents_own_token_is_read_as_the_mapping_says_for_agents() -> None:
    found = mapped(ALL, oid="o-1", azp="app-7", idtyp="app", roles=["git:read"])
    assert (found.type, found.id, found.scopes) == (PrincipalType.AGENT, "corp|app-7", ("git:read",))
    assert (found.actor, found.properties.attributes["level"]) == (None, 0)


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        ({"idtyp": "app"}, PrincipalType.AGENT),
        ({"idtyp": "user"}, PrincipalType.USER),
        ({}, PrincipalType.USER),
        ({"gty": "x"}, PrincipalType.AGENT),
        ({"gty": "x", "upn": "a"}, PrincipalType.USER),
    ],
)
def test_conditions_decide_whose_the_token_is(claims: dict[str, Any], kind: PrincipalType) -> None:
    assert mapped(ALL, **LEAST | {"azp": "app", "roles": ["a"]} | claims).type is kind


def test_tokens_that_the_mapping_refuses_are_refused_in_its_words() -> None:
    with pytest.raises(TokenError) as refused:
        mapped(ALL, **LEAST, acct=1)
    assert refused.value.caller_text == "guests have no access here"
    assert mapped(ALL, **LEAST, acct=0).id == "corp|o-1"


@pytest.mark.parametrize("value", ["dev|alice", "|", "corp|alice", "dev|", "alice|dev"])
def test_no_value_of_a_claim_forges_the_alias_of_another_issuer(value: str) -> None:
    simple = mapping("default: {id: {claim: sub}, groups: {claim: groups}, delegation: {claim: act}}")
    found = principal_of(verified({"sub": value, "groups": [value], "act": {"sub": value}}), mapping=simple)
    assert (found.id, found.properties.groups, found.actor) == (f"corp|{value}", (f"corp|{value}",), f"corp|{value}")


def test_only_the_chain_of_actors_is_followed_and_actors_of_others_have_their_alias() -> None:
    act = {"sub": "near", "act": {"iss": "https://agents.example", "sub": "far", "client_id": "x"}}
    found = mapped(ALL, **LEAST, act=act, azp="cli", may_act={"sub": "other"})
    assert found.actor == "corp|near"
    assert found.delegation == Delegation("corp|near", "agents|far", 2, ("agents|far", "corp|near"))
    named = mapped(ALL, **LEAST, act={"sub": "near", "iss": "https://idp.example"})
    assert named.actor == "corp|near"


def _chain(length: int) -> dict[str, Any]:
    act: dict[str, Any] = {"sub": "last"}
    for number in range(length - 1):
        act = {"sub": f"agent-{number}", "act": act}
    return act


@pytest.mark.parametrize(
    ("act", "wrong"),
    [
        ({"sub": "a", "iss": "https://evil.example"}, "names an actor of an issuer that the mapping does not know"),
        ({"sub": "a", "iss": ["https://agents.example"]}, "names an actor of an issuer that the mapping does not know"),
        ({"sub": "a", "iss": None}, "names an actor of an issuer that the mapping does not know"),
        ("a", "must be an object, and so must each `act` within it"),
        (None, "must be an object, and so must each `act` within it"),
        ({"sub": "a", "act": ["b"]}, "must be an object, and so must each `act` within it"),
        (_chain(17), "has more than 16 actors"),
    ],
)
def test_a_chain_that_cannot_be_followed_is_an_error(act: Any, wrong: str) -> None:
    assert unmapped(ALL, **LEAST, act=act) == f"claim `act` {wrong}"


def test_a_chain_within_the_bound_is_whole() -> None:
    delegation = mapped(ALL, **LEAST, act=_chain(16)).delegation
    assert delegation is not None
    assert delegation.depth == 16


def test_more_names_than_the_bound_are_refused_and_never_cut() -> None:
    simple = mapping("default: {id: {claim: sub}, groups: {claim: groups}}")
    most = mapped(simple, groups=[str(number) for number in range(1000)])
    assert len(most.properties.groups) == 1000
    assert unmapped(simple, groups=[str(number) for number in range(1001)]) == "there are more than 1000 groups"


def test_an_issuer_without_an_entry_has_no_principals_unless_there_is_a_default() -> None:
    with pytest.raises(TokenError, match="no entry for the issuer `other`, and no `default`"):
        principal_of(verified(LEAST, alias="other"), mapping=ALL)
    anyone = mapping("issuers: {corp: {id: {claim: oid}}}\ndefault: {id: {claim: sub}}")
    assert principal_of(verified({"sub": "a"}, alias="other"), mapping=anyone).id == "other|a"


def test_what_an_entry_does_not_mention_is_not_taken_from_the_token() -> None:
    least = mapping("default: {id: {claim: sub}}")
    assert mapped(least, groups=["a"], roles=7, scope="b", azp="c", act="d", email=1) == Principal(
        PrincipalType.USER, "corp|alice", SubjectProperties(mapping=least.digest)
    )


def test_each_part_says_where_it_comes_from() -> None:
    found = mapped_by(ALL, verified({"oid": "o", "scp": "git:write", "roles": "a", "act": {"sub": "b"}}))
    assert found.scopes == ("git:write",)
    assert set(found.origins) == {
        Origin("scopes", "scp"),
        Origin("id", "oid"),
        Origin("delegation", "act"),
        Origin("groups", ""),
        Origin("roles", "roles"),
        Origin("tenant", ""),
        *(Origin(f"attributes.{name}", "") for name in ALL.attributes),
    }


def test_principals_of_two_mappings_differ_though_all_else_is_the_same() -> None:
    other = mapping("attributes: {email: string}\ndefault: {id: {claim: sub}}")
    same = mapping("default: {id: {claim: sub}}")
    assert mapped(other).digest != mapped(same).digest


@pytest.mark.parametrize(
    "wire",
    [
        b"{}x",
        b"[]",
        b'{"issuers":{"corp":{"id":{"claim":["a.b"]}}}}',
        b'{"issuers":{"corp":{"id":{"claim":["a"]},"agent":{"when":{"claim":["$"],"is":"present"}}}}}',
        b'{"issuers":{"corp":{"delegation":{"claim":""}}}}',
        b'{"issuers":{"corp":{"surprise":1}}}',
        b'{"attributes":{"a":"text"}}',
    ],
)
def test_bytes_that_are_no_mapping_are_none(wire: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        IdentityMapping.from_json(wire)
