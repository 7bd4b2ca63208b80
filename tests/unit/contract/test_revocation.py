from typing import Any

import pytest

from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.contract.errors import Refused
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import (
    MAX_ID,
    MAX_REASON,
    Revocation,
    RevocationKind,
    RevocationSet,
    Revoked,
    check_name,
    check_reason,
)

NOW = 1_785_229_200.0
CONTEXT: dict[str, Any] = {
    "actor": "corp|near",
    "delegation": {"first": "corp|near", "last": "corp|far", "depth": 3, "members": ["corp|far", "corp|mid"]},
    "session": "s1",
}


def ask(kind: str = "user", who: str = "corp|alice", context: dict[str, Any] | None = None) -> EvaluationRequest:
    chosen = CONTEXT if context is None else context
    return EvaluationRequest(Subject(kind, who), Action("tools/call"), Resource("tool", "git/git_log"), chosen)


def revoked(kind: RevocationKind, identifier: str, *, until: float | None = None) -> Revoked:
    end = None if until is None else rfc3339(until)
    return Revoked(RevocationSet(3, (Revocation(3, kind, identifier, "lost", "corp|olga", rfc3339(NOW), end),)))


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [
        ("principal", "corp|alice"),
        ("actor", "corp|near"),
        ("actor", "corp|mid"),
        ("actor", "corp|far"),
        ("session", "s1"),
        ("tool", "git/git_log"),
        ("server", "git"),
    ],
)
def test_whatever_a_request_names_stops_it_once_it_is_revoked(kind: str, identifier: str) -> None:
    with pytest.raises(Refused) as refused:
        revoked(RevocationKind(kind), identifier).check(ask(), now=NOW)
    assert refused.value.code is ReasonCode.REVOKED
    assert identifier not in refused.value.detail


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [
        ("principal", "corp|near"),
        ("principal", "corp|Alice"),
        ("principal", "alice"),
        ("principal", "other|alice"),
        ("actor", "corp|alice"),
        ("session", "S1"),
        ("session", "corp|alice"),
        ("tool", "git/git"),
        ("tool", "git/git_log2"),
        ("server", "gi"),
        ("server", "git/git_log"),
    ],
)
def test_nothing_else_is_stopped_by_it(kind: str, identifier: str) -> None:
    revoked(RevocationKind(kind), identifier).check(ask(), now=NOW)


def test_an_agent_that_acts_alone_is_revoked_as_principal_and_as_actor() -> None:
    alone = ask("agent", "corp|bot", {})
    for kind in (RevocationKind.PRINCIPAL, RevocationKind.ACTOR):
        with pytest.raises(Refused):
            revoked(kind, "corp|bot").check(alone, now=NOW)
    revoked(RevocationKind.ACTOR, "corp|bot").check(ask("user", "corp|bot", {}), now=NOW)


def test_a_revocation_ends_when_it_says_so() -> None:
    ending = revoked(RevocationKind.PRINCIPAL, "corp|alice", until=NOW + 1)
    with pytest.raises(Refused):
        ending.check(ask(), now=NOW + 0.999)
    ending.check(ask(), now=NOW + 1)


def test_a_search_is_stopped_for_who_asks_and_a_tool_is_looked_at_by_itself() -> None:
    search = ResourceSearchRequest(Subject("user", "corp|alice"), Action("tools/call"), ResourceKind("tool"), CONTEXT)
    with pytest.raises(Refused):
        revoked(RevocationKind.SESSION, "s1").check(search, now=NOW)
    for kind, identifier in ((RevocationKind.TOOL, "git/git_log"), (RevocationKind.SERVER, "git")):
        revoked(kind, identifier).check(search, now=NOW)
        with pytest.raises(Refused):
            revoked(kind, identifier).check_tool("git/git_log", now=NOW)


@pytest.mark.parametrize(
    "context",
    [
        {"actor": ["corp|near"], "delegation": "corp|mid", "session": 7},
        {"actor": None, "delegation": {"members": "corp|mid", "first": 1, "last": {}}, "session": None},
        {"delegation": {"members": [1, None, ["corp|mid"]]}},
    ],
)
def test_members_of_a_wrong_type_are_left_to_whoever_reads_the_request(context: dict[str, Any]) -> None:
    for kind in (RevocationKind.ACTOR, RevocationKind.SESSION):
        revoked(kind, "corp|mid").check(ask(context=context), now=NOW)


def test_what_is_read_beside_who_asks_is_the_session_while_one_is_revoked() -> None:
    assert revoked(RevocationKind.SESSION, "s1").reads == ("/context/session",)
    assert revoked(RevocationKind.PRINCIPAL, "corp|alice").reads == ()


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [
        ("principal", "corp|alice"),
        ("principal", "corp|a|b c"),
        ("principal", "corp|Zo\u00eb"),
        ("actor", "c0-1|https://agent.example/x"),
        ("session", "0e9Xk_-.~"),
        ("tool", "git/git_log"),
        ("tool", "git/a/b"),
        ("server", "git-2"),
    ],
)
def test_names_that_things_have_are_taken(kind: str, identifier: str) -> None:
    check_name(RevocationKind(kind), identifier)


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [
        ("principal", ""),
        ("principal", "alice"),
        ("principal", "|alice"),
        ("principal", "corp|"),
        ("principal", "Corp|alice"),
        ("principal", "corp|alice\n"),
        ("principal", " corp|alice"),
        ("principal", "corp|al\x00ice"),
        ("principal", "corp|al\u202eice"),
        ("principal", "corp|al\u200bice"),
        ("principal", "corp|al\ud800ice"),
        ("principal", "corp|" + "a" * MAX_ID),
        ("actor", "bot"),
        ("session", "a b"),
        ("session", "s\u00e9"),
        ("session", ""),
        ("tool", "git_log"),
        ("tool", "git/"),
        ("tool", "/git_log"),
        ("tool", "../git_log"),
        ("server", "git/"),
        ("server", "Git"),
        ("server", "*"),
    ],
)
def test_names_that_nothing_has_are_refused_and_not_repeated(kind: str, identifier: str) -> None:
    with pytest.raises(Refused) as refused:
        check_name(RevocationKind(kind), identifier)
    assert refused.value.code is ReasonCode.REQUEST_INVALID
    assert "alice\n" not in refused.value.caller_text


@pytest.mark.parametrize("reason", ["two\nlines", "\x1b[2J", "a" * (MAX_REASON + 1), "\u202e"])
def test_a_reason_is_one_line_of_text(reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_reason(reason)
    assert refused.value.code is ReasonCode.REQUEST_INVALID
