import pytest

from enforcers.gateway.answer import Answer
from enforcers.gateway.transports.challenge import challenges
from enforcers.gateway.transports.protected_resource import Acceptance, Holders, ProtectedResource
from pdp.core.contract.message import ErrorAnswer
from pdp.core.contract.reason_code import CALLER_TEXT, ReasonCode
from pdp.tokens.presented import Scheme

METADATA = "https://gate.test/.well-known/oauth-protected-resource/mcp"
PLAIN = ProtectedResource("https://gate.test/mcp", ["https://login.test"])
PROVING = ProtectedResource(
    "https://gate.test/mcp",
    ["https://login.test"],
    holders=Holders(Acceptance.ACCEPTED, ("ES256", "EdDSA")),
    scopes=lambda: ["use", "offline_access"],
    passwords=[Scheme.BASIC],
)


def answer(code: ReasonCode, *, scopes: tuple[str, ...] = (), nonce: str | None = None) -> Answer:
    return Answer(ErrorAnswer(1, -32001, "x"), code, scopes, nonce)


def described(code: ReasonCode, name: str) -> str:
    return f'error="{name}", error_description="{CALLER_TEXT[code]}"'


def test_without_a_credential_no_error_is_named() -> None:
    assert challenges(answer(ReasonCode.TOKEN_MISSING), sent=None, resource=PLAIN) == [
        f'Bearer resource_metadata="{METADATA}"'
    ]


def test_every_scheme_that_is_accepted_has_a_challenge_with_the_scopes_to_begin_with() -> None:
    assert challenges(answer(ReasonCode.TOKEN_MISSING), sent=None, resource=PROVING) == [
        f'Bearer scope="use", resource_metadata="{METADATA}"',
        f'DPoP scope="use", resource_metadata="{METADATA}", algs="ES256 EdDSA"',
        'Basic realm="toolgate", charset="UTF-8"',
    ]


@pytest.mark.parametrize(
    ("code", "sent", "nonce", "bearer", "dpop"),
    [
        (ReasonCode.TOKEN_INVALID, Scheme.BEARER, None, "invalid_token", None),
        (ReasonCode.TOKEN_EXPIRED, Scheme.BEARER, None, "invalid_token", None),
        (ReasonCode.AUDIENCE_MISMATCH, Scheme.BEARER, None, "invalid_token", None),
        (ReasonCode.TOKEN_INVALID, Scheme.DPOP, None, None, "invalid_token"),
        (ReasonCode.TOKEN_EXPIRED, Scheme.DPOP, None, None, "invalid_token"),
        (ReasonCode.PROOF_INVALID, Scheme.DPOP, None, None, "invalid_dpop_proof"),
        (ReasonCode.PROOF_INVALID, Scheme.DPOP, "n-1", None, "use_dpop_nonce"),
        (ReasonCode.PROOF_INVALID, Scheme.BEARER, None, "invalid_token", None),
        (ReasonCode.TOKEN_INVALID, Scheme.BASIC, None, None, None),
        (ReasonCode.TOKEN_INVALID, None, None, "invalid_token", None),
    ],
)
def test_the_scheme_that_was_used_is_told_its_error(
    code: ReasonCode, sent: Scheme | None, nonce: str | None, bearer: str | None, dpop: str | None
) -> None:
    common = f'scope="use", resource_metadata="{METADATA}"'
    assert challenges(answer(code, nonce=nonce), sent=sent, resource=PROVING) == [
        f"Bearer {'' if bearer is None else described(code, bearer) + ', '}{common}",
        f'DPoP {"" if dpop is None else described(code, dpop) + ", "}{common}, algs="ES256 EdDSA"',
        'Basic realm="toolgate", charset="UTF-8"',
    ]


def test_a_scheme_that_is_not_accepted_is_told_which_is() -> None:
    for sent in (Scheme.DPOP, Scheme.BASIC):
        assert challenges(answer(ReasonCode.TOKEN_INVALID), sent=sent, resource=PLAIN) == [
            f'Bearer {described(ReasonCode.TOKEN_INVALID, "invalid_token")}, resource_metadata="{METADATA}"'
        ]


@pytest.mark.parametrize(("sent", "scheme"), [(Scheme.BEARER, "Bearer"), (Scheme.BASIC, "Bearer"), (None, "Bearer")])
def test_a_missing_scope_names_all_that_the_call_needs(sent: Scheme | None, scheme: str) -> None:
    denied = answer(ReasonCode.SCOPE_MISSING, scopes=("files:write", "files:read"))
    assert challenges(denied, sent=sent, resource=PLAIN) == [
        f"{scheme} {described(ReasonCode.SCOPE_MISSING, 'insufficient_scope')}, "
        f'scope="files:read files:write", resource_metadata="{METADATA}"'
    ]


def test_a_missing_scope_of_a_proved_token_is_told_in_its_scheme() -> None:
    (challenge,) = challenges(answer(ReasonCode.SCOPE_MISSING, scopes=("a",)), sent=Scheme.DPOP, resource=PROVING)
    assert challenge.startswith('DPoP error="insufficient_scope"')
    assert 'scope="a"' in challenge


@pytest.mark.parametrize(
    "code",
    [
        code
        for code in ReasonCode
        if code
        not in {
            ReasonCode.TOKEN_MISSING,
            ReasonCode.TOKEN_INVALID,
            ReasonCode.TOKEN_EXPIRED,
            ReasonCode.AUDIENCE_MISMATCH,
            ReasonCode.PROOF_INVALID,
            ReasonCode.SCOPE_MISSING,
        }
    ],
)
def test_what_another_token_cannot_change_has_no_challenge(code: ReasonCode) -> None:
    assert challenges(answer(code), sent=Scheme.BEARER, resource=PROVING) == []


def test_nothing_in_a_challenge_ends_its_text_or_its_header() -> None:
    resource = ProtectedResource('https://gate.test/a"\r\nx: y\\', [], scopes=lambda: ['a"b', "c d", "e\\f", "ü", "g"])
    (challenge,) = challenges(answer(ReasonCode.TOKEN_MISSING), sent=None, resource=resource)
    assert challenge == (
        'Bearer scope="g", resource_metadata="https://gate.test/.well-known/oauth-protected-resource/a\\"x: y\\\\"'
    )


def test_the_metadata_says_what_is_accepted() -> None:
    required = ProtectedResource(
        "https://gate.test/mcp",
        ["https://login.test", "https://two.test/"],
        name="Tools",
        holders=Holders(Acceptance.REQUIRED, ("ES256",), Acceptance.ACCEPTED),
        scopes=lambda: ["use", "begin", "use", "offline_access", 'no"scope'],
    )
    assert required.metadata() == {
        "resource": "https://gate.test/mcp",
        "authorization_servers": ["https://login.test", "https://two.test/"],
        "scopes_supported": ["begin", "use"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Tools",
        "dpop_signing_alg_values_supported": ["ES256"],
        "dpop_bound_access_tokens_required": True,
        "tls_client_certificate_bound_access_tokens": True,
    }
    assert PLAIN.metadata() == {
        "resource": "https://gate.test/mcp",
        "authorization_servers": ["https://login.test"],
        "bearer_methods_supported": ["header"],
    }


def test_the_scopes_are_those_of_now() -> None:
    scopes = ["one"]
    resource = ProtectedResource("https://gate.test/mcp", ["https://login.test"], scopes=lambda: scopes)
    assert resource.metadata()["scopes_supported"] == ["one"]
    scopes.append("two")
    assert resource.metadata()["scopes_supported"] == ["one", "two"]
