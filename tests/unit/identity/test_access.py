import msgspec

from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.identity.access import Shown, call_request, list_request
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties

ALICE = Principal(
    PrincipalType.USER,
    "dev|alice",
    properties=SubjectProperties(groups=("dev|eng",)),
    scopes=("git:read",),
    actor="dev|b",
    chain=("dev|b", "dev|a", "dev|b"),
)
SUBJECT = Subject("user", "dev|alice", {"groups": ["dev|eng"], "roles": []})
CONTEXT = {
    "scopes": ["git:read"],
    "actor": "dev|b",
    "delegation": {"first": "dev|b", "last": "dev|b", "depth": 3, "members": ["dev|a", "dev|b"]},
}


def test_a_call_is_asked_with_what_the_token_and_the_host_say() -> None:
    seen = {"ip": "::1", "session": None}
    asked = call_request(ALICE, tool="git/log", pin="sha256:0", arguments={"n": 1}, seen=seen)
    context = {"arguments": {"n": 1}, **CONTEXT, "ip": "::1"}
    assert _plain(asked) == EvaluationRequest(
        SUBJECT, Action("tools/call"), Resource("tool", "git/log", {"digest": "sha256:0"}), context
    )


def test_a_listing_is_asked_without_arguments() -> None:
    asked = list_request(ALICE, seen={"transport": "stdio"})
    context = {**CONTEXT, "transport": "stdio"}
    assert _plain(asked) == ResourceSearchRequest(
        SUBJECT, Action("tools/call"), ResourceKind("tool", {"offered": {}}), context
    )


def test_a_listing_can_ask_for_what_more_scopes_would_allow() -> None:
    asked = list_request(ALICE, seen={}, shown=Shown.REACHABLE)
    assert asked.resource == ResourceKind("tool", {"offered": {}, "step_up": True})


def _plain(asked: EvaluationRequest | ResourceSearchRequest) -> EvaluationRequest | ResourceSearchRequest:
    """As the other side reads it."""
    return msgspec.json.decode(msgspec.json.encode(asked), type=type(asked))
