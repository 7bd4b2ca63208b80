import pytest

from enforcers.gateway.header import Headers
from enforcers.gateway.transports.credential import credential, refuse_query_token, scheme_of
from enforcers.gateway.transports.request_head import HeadError
from pdp.core.contract.errors import TokenError
from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.presented import Presented, Scheme

URL = "https://gate.test/mcp"


def headers(*values: str, proofs: list[str] | None = None) -> Headers:
    pairs = [("Authorization", value) for value in values] + [("DPoP", value) for value in proofs or []]
    return Headers((name.encode(), value.encode("latin-1")) for name, value in pairs)


def presented(given: Headers) -> Presented | None:
    return credential(given, method="POST", url=URL, certificate="thumb")


@pytest.mark.parametrize(
    ("value", "scheme", "token"),
    [
        ("Bearer abc.def-_~+/==", Scheme.BEARER, "abc.def-_~+/=="),
        ("bearer abc", Scheme.BEARER, "abc"),
        ("BEARER abc", Scheme.BEARER, "abc"),
        ("DPoP abc", Scheme.DPOP, "abc"),
        ("dpop abc", Scheme.DPOP, "abc"),
        ("Basic YTpi", Scheme.BASIC, "YTpi"),
        (" Bearer abc\t ", Scheme.BEARER, "abc"),
    ],
)
def test_a_credential_is_one_scheme_and_one_token(value: str, scheme: Scheme, token: str) -> None:
    assert presented(headers(value)) == Presented(scheme, token, None, "POST", URL, "thumb")


def test_a_proof_goes_along_and_what_it_must_be_for() -> None:
    assert presented(headers("DPoP abc", proofs=["a.b.c"])) == Presented(
        Scheme.DPOP, "abc", "a.b.c", "POST", URL, "thumb"
    )
    assert presented(headers("Bearer abc", proofs=["a.b.c"])) == Presented(
        Scheme.BEARER, "abc", "a.b.c", "POST", URL, "thumb"
    )


def test_without_authorization_there_is_none() -> None:
    assert presented(headers()) is None
    assert presented(headers(proofs=["a.b.c", "a.b.c"])) is None


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer a", "Bearer a"],
        ["Bearer a", "Bearer b"],
        ["Bearer a", "Basic b"],
        ["Bearer a", ""],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Bearer  a"],
        ["Bearer\ta"],
        ["Bearer\xa0a"],
        ["Bearer a b"],
        ["Bearer a,b"],
        ["Bearer a, Bearer b"],
        ["Bearer a;b"],
        ['Bearer "a"'],
        ["Bearer token=a"],
        ["Bearer a=b"],
        ["Bearer =a"],
        ["Bearer é"],
        ["Bearer a\x00"],
        ["Bearer: a"],
        ["Bearer:a"],
        ["Bearera"],
        ["a"],
        ["Token a"],
        ["Negotiate a"],
        ["Bear er a"],
        ["B\xebarer a"],
        ["Digest username=a"],
    ],
)
def test_everything_else_is_no_credential(values: list[str]) -> None:
    with pytest.raises(TokenError) as caught:
        presented(headers(*values))
    assert caught.value.code is ReasonCode.TOKEN_INVALID


@pytest.mark.parametrize("scheme", ["DPoP", "Bearer"])
def test_several_proofs_are_none(scheme: str) -> None:
    with pytest.raises(TokenError) as caught:
        presented(headers(f"{scheme} a", proofs=["a.b.c", "a.b.c"]))
    assert caught.value.code is ReasonCode.PROOF_INVALID


@pytest.mark.parametrize(
    ("values", "scheme"),
    [
        ([], None),
        (["Bearer"], Scheme.BEARER),
        (["DPoP é"], Scheme.DPOP),
        (["Bearer a", "bearer b"], Scheme.BEARER),
        (["Bearer a", "DPoP b"], None),
        (["Bearer a", "Negotiate b"], None),
        (["Negotiate b"], None),
        (["Bearer\ta"], None),
        ([""], None),
    ],
)
def test_the_scheme_is_known_where_it_can_be_seen(values: list[str], scheme: Scheme | None) -> None:
    assert scheme_of(headers(*values)) == scheme


@pytest.mark.parametrize(
    "query",
    [b"access_token=a", b"x=1&access_token", b"%61ccess_token=", b"access+token=1&access_token=", b"access%5ftoken=x"],
)
def test_a_token_in_the_url_is_refused(query: bytes) -> None:
    with pytest.raises(HeadError) as caught:
        refuse_query_token(query)
    assert (caught.value.code, caught.value.status) == (ReasonCode.REQUEST_INVALID, 400)


@pytest.mark.parametrize("query", [b"", b"a=access_token", b"access_tokens=1", b"=", b"\xff=%ff", b"%"])
def test_other_queries_are_none_of_our_business(query: bytes) -> None:
    refuse_query_token(query)
