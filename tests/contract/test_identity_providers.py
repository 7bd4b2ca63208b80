"""The example mappings of docs/identity, each with tokens as that provider writes them, and with worse ones."""

from typing import Any, Final

import pytest

from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.claims import VerifiedClaims
from pdp.core.identity.mapped import principal_of
from pdp.core.identity.mapping import IdentityMapping
from pdp.core.identity.mapping_file import read_mapping
from pdp.core.identity.principal import Principal, PrincipalType
from tests.conftest import ROOT

_TIMES: Final = {"iat": 1_785_229_200, "exp": 1_785_232_800}
TENANT: Final = "6f2c0c52-9f5e-4d0f-8a51-0a3b7c1d2e3f"
ALICE: Final = "1d0b9a7e-58c1-4c5b-9e0a-54c0a3f1b2d4"
APP: Final = "a4f7c9d2-3b6e-4f80-b1a2-9c8d7e6f5a4b"
GROUP: Final = "0c9e8d7f-6a5b-4c3d-2e1f-0a9b8c7d6e5f"
SECRET: Final = "never-in-a-message"

KEYCLOAK_USER: Final[dict[str, Any]] = _TIMES | {
    "jti": "onrtac:7f1c3c52-1c7b-4b9b-8d1e-3d2f6c1a0b9e",
    "iss": "https://sso.example.com/realms/corp",
    "aud": ["https://tools.example.com/mcp", "account"],
    "sub": ALICE,
    "typ": "Bearer",
    "azp": "ide",
    "sid": "5f8c2c1e-6b1d-4a3f-a5d9-2c7f0e1b3d4c",
    "acr": "1",
    "allowed-origins": ["https://ide.example.com"],
    "realm_access": {"roles": ["offline_access", "uma_authorization", "engineer"]},
    "resource_access": {"tools": {"roles": ["writer"]}, "account": {"roles": ["manage-account"]}},
    "scope": "openid email profile git:read",
    "email_verified": True,
    "groups": ["/eng/backend", "/all"],
    "preferred_username": "alice",
    "email": "alice@example.com",
}
KEYCLOAK_SERVICE: Final[dict[str, Any]] = _TIMES | {
    "iss": "https://sso.example.com/realms/corp",
    "sub": "3b1a0c9d-8e7f-4a6b-9c5d-4e3f2a1b0c9d",
    "typ": "Bearer",
    "azp": "nightly",
    "acr": "1",
    "realm_access": {"roles": ["offline_access"]},
    "scope": "profile git:read",
    "clientHost": "10.1.2.3",
    "preferred_username": "service-account-nightly",
    "clientAddress": "10.1.2.3",
    "client_id": "nightly",
}
OKTA_USER: Final[dict[str, Any]] = _TIMES | {
    "ver": 1,
    "jti": "AT.2c1d0e9f8a7b6c5d4e3f",
    "iss": "https://corp.okta.com/oauth2/default",
    "aud": "https://tools.example.com/mcp",
    "cid": "0oa1b2c3d4e5f6g7h8i9",
    "uid": "00u9i8h7g6f5e4d3c2b1",
    "scp": ["openid", "git:read"],
    "auth_time": 1_785_229_100,
    "sub": "alice@example.com",
    "groups": ["Everyone", "Engineering"],
}
OKTA_SERVICE: Final[dict[str, Any]] = _TIMES | {
    "ver": 1,
    "iss": "https://corp.okta.com/oauth2/default",
    "cid": "0oa1b2c3d4e5f6g7h8i9",
    "scp": ["git:read"],
    "sub": "0oa1b2c3d4e5f6g7h8i9",
}
ENTRA_2: Final[dict[str, Any]] = _TIMES | {
    "aud": APP,
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "nbf": 1_785_229_200,
    "azp": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "azpacr": "0",
    "name": "Alice Example",
    "oid": ALICE,
    "preferred_username": "alice@example.com",
    "rh": "0.AXkA",
    "groups": [GROUP],
    "roles": ["Engineer"],
    "scp": "git.read git.write",
    "sub": "Xk3fGm0cQ1rT8vB2yN5wL7jH4sD9aP6e",
    "tid": TENANT,
    "uti": "kT2m",
    "ver": "2.0",
}
ENTRA_1: Final[dict[str, Any]] = {
    **{name: value for name, value in ENTRA_2.items() if name not in {"azp", "azpacr", "preferred_username"}},
    "iss": f"https://sts.windows.net/{TENANT}/",
    "appid": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "appidacr": "0",
    "upn": "alice@example.com",
    "unique_name": "alice@example.com",
    "ipaddr": "203.0.113.7",
    "ver": "1.0",
}
ENTRA_APP: Final[dict[str, Any]] = _TIMES | {
    "aud": APP,
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "azp": "b5a8d0e3-4c7f-5a91-c2b3-0d9e8f7a6b5c",
    "azpacr": "1",
    "idtyp": "app",
    "oid": "d4c3b2a1-0f9e-8d7c-6b5a-4f3e2d1c0b9a",
    "roles": ["git.read"],
    "sub": "d4c3b2a1-0f9e-8d7c-6b5a-4f3e2d1c0b9a",
    "tid": TENANT,
    "ver": "2.0",
}
OVERAGE: Final[dict[str, Any]] = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": f"https://graph.microsoft.com/v1.0/users/{ALICE}/getMemberObjects"}},
}
AUTH0_USER: Final[dict[str, Any]] = _TIMES | {
    "https://example.com/roles": ["engineer"],
    "https://example.com/email": "alice@example.com",
    "iss": "https://corp.eu.auth0.com/",
    "sub": "auth0|6512f0c9a8b7e6d5c4b3a291",
    "aud": ["https://tools.example.com/mcp", "https://corp.eu.auth0.com/userinfo"],
    "azp": "k9J8h7G6f5D4s3A2",
    "scope": "openid profile",
    "org_id": "org_9Zk1",
    "permissions": ["git:read", "git:write"],
}
AUTH0_SERVICE: Final[dict[str, Any]] = _TIMES | {
    "iss": "https://corp.eu.auth0.com/",
    "sub": "m1N2b3V4c5X6z7L8@clients",
    "aud": "https://tools.example.com/mcp",
    "azp": "m1N2b3V4c5X6z7L8",
    "scope": "git:read",
    "gty": "client-credentials",
    "permissions": ["git:read"],
}
GOOGLE_USER: Final[dict[str, Any]] = _TIMES | {
    "iss": "https://accounts.google.com",
    "azp": "407408718192.apps.googleusercontent.com",
    "aud": "407408718192.apps.googleusercontent.com",
    "sub": "110169484474386276334",
    "hd": "example.com",
    "email": "alice@example.com",
    "email_verified": True,
    "at_hash": "HK6E",
}
GOOGLE_SERVICE: Final[dict[str, Any]] = _TIMES | {
    "iss": "https://accounts.google.com",
    "aud": "https://tools.example.com/mcp",
    "azp": "104029387465102938475",
    "email": "nightly@tools-prod.iam.gserviceaccount.com",
    "email_verified": True,
    "sub": "104029387465102938475",
}


def _mapping(provider: str) -> IdentityMapping:
    file = ROOT / "docs" / "identity" / f"{provider}.yaml"
    return read_mapping(file.read_bytes(), file=str(file))


def _principal(provider: str, claims: dict[str, Any]) -> Principal:
    given = {name: value for name, value in claims.items() if value != "absent"}
    return principal_of(VerifiedClaims("corp", given["iss"], given["sub"], 0.0, given), mapping=_mapping(provider))


@pytest.mark.parametrize(
    ("provider", "claims", "expected"),
    [
        (
            "keycloak",
            KEYCLOAK_USER,
            {
                "id": f"corp|{ALICE}",
                "groups": ("corp|all", "corp|eng/backend"),
                "roles": ("corp|engineer", "corp|offline_access", "corp|tools:writer", "corp|uma_authorization"),
                "scopes": ("email", "git:read", "openid", "profile"),
                "actor": "corp|ide",
                "attributes": {"username": "alice", "email": "alice@example.com"},
            },
        ),
        (
            "okta",
            OKTA_USER,
            {
                "id": "corp|00u9i8h7g6f5e4d3c2b1",
                "groups": ("corp|Engineering", "corp|Everyone"),
                "scopes": ("git:read", "openid"),
                "actor": "corp|0oa1b2c3d4e5f6g7h8i9",
                "attributes": {"login": "alice@example.com"},
            },
        ),
        *[
            (
                "entra",
                claims,
                {
                    "id": f"corp|{ALICE}",
                    "groups": (f"corp|{GROUP}",),
                    "roles": ("corp|Engineer",),
                    "tenant": f"corp|{TENANT}",
                    "scopes": ("git.read", "git.write"),
                    "actor": "corp|04b07795-8ddb-461a-bbee-02f9e1bf7b46",
                    "attributes": {"name": "Alice Example", "upn": "alice@example.com"},
                },
            )
            for claims in (ENTRA_2, ENTRA_1)
        ],
        (
            "auth0",
            AUTH0_USER,
            {
                "id": "corp|auth0|6512f0c9a8b7e6d5c4b3a291",
                "roles": ("corp|engineer",),
                "tenant": "corp|org_9Zk1",
                "scopes": ("git:read", "git:write", "openid", "profile"),
                "actor": "corp|k9J8h7G6f5D4s3A2",
                "attributes": {"email": "alice@example.com"},
            },
        ),
        (
            "google",
            GOOGLE_USER,
            {
                "id": "corp|110169484474386276334",
                "tenant": "corp|example.com",
                "attributes": {"email": "alice@example.com"},
            },
        ),
    ],
)
def test_a_persons_token_makes_a_user(provider: str, claims: dict[str, Any], expected: dict[str, Any]) -> None:
    found = _principal(provider, claims)
    nothing = {"groups": (), "roles": (), "tenant": None, "scopes": (), "actor": None}
    properties = found.properties
    assert found.type is PrincipalType.USER
    assert nothing | expected == {
        "id": found.id,
        "groups": properties.groups,
        "roles": properties.roles,
        "tenant": properties.tenant,
        "scopes": found.scopes,
        "actor": found.actor,
        "attributes": properties.attributes,
    }


@pytest.mark.parametrize(
    ("provider", "claims", "identifier", "scopes"),
    [
        ("keycloak", KEYCLOAK_SERVICE, "corp|nightly", ("git:read", "profile")),
        ("okta", OKTA_SERVICE, "corp|0oa1b2c3d4e5f6g7h8i9", ("git:read",)),
        ("entra", ENTRA_APP, "corp|b5a8d0e3-4c7f-5a91-c2b3-0d9e8f7a6b5c", ("git.read",)),
        ("entra", ENTRA_APP | {"idtyp": "absent"}, "corp|b5a8d0e3-4c7f-5a91-c2b3-0d9e8f7a6b5c", ("git.read",)),
        ("auth0", AUTH0_SERVICE, "corp|m1N2b3V4c5X6z7L8", ("git:read",)),
        ("google", GOOGLE_SERVICE, "corp|nightly@tools-prod.iam.gserviceaccount.com", ()),
    ],
)
def test_a_clients_own_token_makes_an_agent(
    provider: str, claims: dict[str, Any], identifier: str, scopes: tuple[str, ...]
) -> None:
    found = _principal(provider, claims)
    assert (found.type, found.id, found.scopes, found.actor) == (PrincipalType.AGENT, identifier, scopes, None)


@pytest.mark.parametrize(
    ("provider", "claims"),
    [
        ("keycloak", KEYCLOAK_USER | {"preferred_username": "service-account-nightly"}),
        ("okta", OKTA_USER | {"sub": "0oa9"}),
        ("auth0", AUTH0_USER | {"sub": "auth0|m1N2b3V4c5X6z7L8@clients"}),
        ("auth0", AUTH0_USER | {"gty": "password"}),
        ("entra", ENTRA_2 | {"idtyp": "user"}),
        ("google", GOOGLE_USER | {"email": "a@tools-prod.iam.gserviceaccount.com"}),
    ],
)
def test_a_person_is_not_taken_for_a_client_by_a_name_that_they_chose(provider: str, claims: dict[str, Any]) -> None:
    assert _principal(provider, claims).type is PrincipalType.USER


@pytest.mark.parametrize(
    ("provider", "claims"),
    [
        ("entra", ENTRA_2 | {"groups": "absent"} | OVERAGE),
        ("entra", ENTRA_1 | {"groups": "absent"} | OVERAGE),
        ("entra", ENTRA_2 | {"groups": "absent", "hasgroups": True}),
        ("entra", ENTRA_2 | {"groups": "absent", "hasgroups": "true"}),
        ("entra", ENTRA_2 | {"groups": "absent", "groups:src1": "https://graph.windows.net/x"}),
        ("entra", ENTRA_2 | OVERAGE),
        ("entra", ENTRA_APP | OVERAGE),
        ("okta", OKTA_USER | OVERAGE),
        ("keycloak", KEYCLOAK_USER | OVERAGE),
    ],
)
def test_groups_that_are_somewhere_else_are_an_error_and_never_none(provider: str, claims: dict[str, Any]) -> None:
    with pytest.raises(TokenError) as refused:
        _principal(provider, claims)
    assert refused.value.code is ReasonCode.IDENTITY_UNMAPPED
    assert "claim `groups` is not in the token" in refused.value.detail


@pytest.mark.parametrize(
    ("provider", "claims", "detail"),
    [
        ("keycloak", KEYCLOAK_USER | {"groups": ["eng"]}, "does not begin with `/`"),
        ("keycloak", KEYCLOAK_USER | {"groups": SECRET}, "claim `groups` must be an array"),
        ("keycloak", KEYCLOAK_USER | {"realm_access": [SECRET]}, "what is before step 2"),
        ("keycloak", KEYCLOAK_USER | {"resource_access": {"tools": SECRET}}, "what is before step 3"),
        ("keycloak", KEYCLOAK_USER | {"azp": "absent"}, "claim `azp` is missing"),
        ("keycloak", KEYCLOAK_USER | {"scope": "absent"}, "claim `scope` is missing"),
        ("keycloak", KEYCLOAK_USER | {"act": {"client_id": SECRET}}, "claim `sub` is missing"),
        ("okta", OKTA_USER | {"uid": "absent"}, "claim `uid` is missing"),
        ("okta", OKTA_USER | {"scp": SECRET}, "claim `scp` must be an array"),
        ("okta", OKTA_USER | {"groups": [SECRET, None]}, "claim `groups` holds something that is no text"),
        ("entra", ENTRA_2 | {"oid": "absent"}, "claim `oid` is missing"),
        ("entra", ENTRA_2 | {"tid": [TENANT]}, "claim `tid` holds something that is no text"),
        ("entra", ENTRA_2 | {"scp": "absent"}, "claim `scp` is missing"),
        ("entra", ENTRA_2 | {"acct": 1}, "guests of the tenant have no access"),
        ("entra", ENTRA_2 | {"idtyp": ["app"]}, "claim `idtyp` must be a text"),
        ("entra", ENTRA_APP | {"azp": "absent"}, "claims `azp` and `appid` are missing"),
        ("auth0", AUTH0_USER | {"permissions": SECRET}, "claim `permissions` must be an array"),
        ("auth0", AUTH0_USER | {"https://example.com/roles": {SECRET: 1}}, "must be an array"),
        ("google", GOOGLE_USER | {"hd": "absent", "email": "alice@example.com"}, "only accounts of example.com"),
        ("google", GOOGLE_USER | {"hd": "evil.example"}, "only accounts of example.com"),
        ("google", GOOGLE_USER | {"email_verified": False}, "the e-mail address is not verified"),
        ("google", GOOGLE_USER | {"email_verified": "absent"}, "the e-mail address is not verified"),
        ("google", GOOGLE_USER | {"email_verified": "true"}, "claim `email_verified` must be true or false"),
        ("google", GOOGLE_SERVICE | {"email": "x@other.iam.gserviceaccount.com"}, "only accounts of example.com"),
    ],
)
def test_a_token_that_says_too_little_or_the_wrong_thing_makes_nobody(
    provider: str, claims: dict[str, Any], detail: str
) -> None:
    with pytest.raises(TokenError) as refused:
        _principal(provider, claims)
    assert refused.value.code is ReasonCode.IDENTITY_UNMAPPED
    assert detail in refused.value.detail
    assert SECRET not in str(refused.value)
