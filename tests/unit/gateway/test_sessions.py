import pytest

from enforcers.gateway.sessions import Sessions, owner_of
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.identity.principal import Principal, PrincipalType

ALICE = Principal(PrincipalType.USER, "corp|alice")


def sessions(*, max_sessions: int = 3, idle: float = 10) -> Sessions:
    return Sessions(max_sessions=max_sessions, idle=idle)


def refused(store: Sessions, session_id: str, *, owner: str, now: float) -> ReasonCode:
    with pytest.raises(Refused) as caught:
        store.use(session_id, owner=owner, now=now)
    return caught.value.code


def test_a_session_is_its_owner_s_alone() -> None:
    store = sessions()
    store.open("s", owner="alice", now=0)
    assert store.use("s", owner="alice", now=1).owner == "alice"
    assert refused(store, "s", owner="bob", now=2) is ReasonCode.SESSION_MISMATCH
    assert store.use("s", owner="alice", now=3).owner


def test_an_unknown_session_and_another_s_are_told_apart_only_in_the_log() -> None:
    store = sessions()
    store.open("s", owner="alice", now=0)
    with pytest.raises(Refused) as unknown:
        store.use("t", owner="bob", now=1)
    with pytest.raises(Refused) as anothers:
        store.use("s", owner="bob", now=1)
    assert unknown.value.caller_text == anothers.value.caller_text
    assert unknown.value.detail != anothers.value.detail


def test_a_session_that_is_not_used_ends_and_one_that_is_used_does_not() -> None:
    store = sessions(idle=10)
    store.open("idle", owner="a", now=0)
    store.open("busy", owner="a", now=0)
    store.use("busy", owner="a", now=9)
    assert refused(store, "idle", owner="a", now=10) is ReasonCode.SESSION_MISMATCH
    assert store.use("busy", owner="a", now=18).owner
    assert len(store) == 1


def test_the_session_unused_for_longest_makes_room() -> None:
    store = sessions(max_sessions=2)
    store.open("one", owner="a", now=0)
    store.open("two", owner="a", now=1)
    store.use("one", owner="a", now=2)
    store.open("three", owner="a", now=3)
    assert store.use("one", owner="a", now=4).owner
    assert refused(store, "two", owner="a", now=4) is ReasonCode.SESSION_MISMATCH


def test_whoever_opens_most_sessions_loses_them_first() -> None:
    store = sessions(max_sessions=3)
    store.open("quiet", owner="alice", now=0)
    for number in range(10):
        store.open(f"loud-{number}", owner="mallory", now=number)
    assert store.use("quiet", owner="alice", now=9.5).owner == "alice"
    assert len(store) == 3


def test_another_s_attempts_do_not_keep_a_session_alive() -> None:
    store = sessions(idle=10)
    store.open("s", owner="alice", now=0)
    refused(store, "s", owner="bob", now=9)
    assert refused(store, "s", owner="alice", now=11) is ReasonCode.SESSION_MISMATCH


def test_only_the_owner_ends_a_session() -> None:
    store = sessions()
    store.open("s", owner="alice", now=0)
    with pytest.raises(Refused):
        store.end("s", owner="bob", now=1)
    store.end("s", owner="alice", now=2)
    assert len(store) == 0


def test_the_owner_is_who_acts_for_whom_and_not_what_the_token_grants() -> None:
    wider = Principal(PrincipalType.USER, "corp|alice", scopes=("more",))
    assert owner_of(ALICE) == owner_of(wider)
    others = [
        Principal(PrincipalType.AGENT, "corp|alice"),
        Principal(PrincipalType.USER, "corp|bob"),
        Principal(PrincipalType.USER, "corp|alice", actor="corp|bot"),
        Principal(
            PrincipalType.USER,
            "corp|alice",
            actor="corp|bot",
            chain=("corp|bot",),
        ),
    ]
    assert len({owner_of(principal) for principal in [ALICE, *others]}) == 5
