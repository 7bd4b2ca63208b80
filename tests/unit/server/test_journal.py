"""What the decision point records of callers that keep no records themselves."""

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from pdp.core.contract.authzen import EvaluationRequest
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord
from pdp.core.contract.record_terms import NotReplayable
from pdp.core.identity.replay import request_of
from tests.record_schema import VALIDATOR, plain
from tests.unit.server.hosting import QUESTION, SEARCH, Host, hosting

WHOLE: dict[str, Any] = {
    "subject": {
        "type": "agent",
        "id": "corp|bot",
        "properties": {
            "groups": ["corp|eng"],
            "roles": ["corp|dev"],
            "tenant": "corp|acme",
            "mapping": "sha256:1",
            "level": 3,
            "teams": ["a", "b"],
        },
    },
    "action": {"name": "tools/call"},
    "resource": {"type": "tool", "id": "git/git_log", "properties": {"digest": "sha256:2"}},
    "context": {
        "scopes": ["a", "b"],
        "actor": "corp|near",
        "delegation": {"first": "corp|near", "last": "corp|far", "depth": 2, "members": ["corp|far", "corp|near"]},
        "session": "s1",
    },
}


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosting() as running:
        yield running


async def record_of(host: Host, question: dict[str, Any]) -> DecisionRecord:
    await host.ask(question)
    record = host.store.records[-1]
    assert isinstance(record, DecisionRecord)
    VALIDATOR.validate(plain(record))
    return record


async def test_what_the_caller_says_of_the_subject_is_recorded(host: Host) -> None:
    record = await record_of(host, WHOLE)
    assert (record.groups, record.roles, record.tenant) == (["corp|eng"], ["corp|dev"], "corp|acme")
    assert (record.attributes, record.mapping) == ({"level": 3, "teams": ["a", "b"]}, "sha256:1")
    assert (record.actor, record.delegation) == ("corp|near", ["corp|near", "corp|far"])
    assert (record.scopes, record.offered_digest, record.version) == (["a", "b"], "sha256:2", 2)
    assert record.issuer is None


@pytest.mark.parametrize(
    "question",
    [
        WHOLE,
        WHOLE | {"resource": {"type": "tool", "id": "git/git_log", "properties": {}}},
        WHOLE | {"subject": {"type": "user", "id": "corp|alice", "properties": {"groups": [], "roles": []}}},
    ],
)
async def test_a_question_that_the_record_holds_can_be_asked_again(host: Host, question: dict[str, Any]) -> None:
    record = await record_of(host, question)
    assert record.not_replayable is None
    asked = host.decider.asked[-1]
    assert isinstance(asked, EvaluationRequest)
    expected = msgspec.to_builtins(asked)
    expected["context"]["arguments"] = {}
    assert canonical(msgspec.to_builtins(request_of(record))) == canonical(expected)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("context", WHOLE["context"] | {"arguments": {"path": "/srv"}}),
        ("context", WHOLE["context"] | {"ip": "10.0.0.1"}),
        ("context", WHOLE["context"] | {"transport": "stdio"}),
        ("context", WHOLE["context"] | {"scopes": ["a", 1]}),
        ("context", WHOLE["context"] | {"delegation": WHOLE["context"]["delegation"] | {"depth": 3}}),
        ("context", WHOLE["context"] | {"delegation": "corp|near"}),
        ("subject", {"type": "group", "id": "corp|eng"}),
        ("subject", {"type": "user", "id": "corp|alice", "properties": {"groups": "corp|eng"}}),
        ("resource", {"type": "prompt", "id": "git/ask"}),
        ("resource", {"type": "tool", "id": "git"}),
        ("resource", {"type": "tool", "id": "git/git_log", "properties": {"digest": 7}}),
        ("resource", {"type": "tool", "id": "git/git_log", "properties": {"other": 7}}),
    ],
)
async def test_a_question_that_the_record_does_not_hold_says_so(host: Host, member: str, value: Any) -> None:
    assert (await record_of(host, WHOLE | {member: value})).not_replayable is NotReplayable.CALLER_UNKNOWN


async def test_no_argument_of_an_unknown_caller_is_kept(host: Host) -> None:
    record = await record_of(host, QUESTION)
    assert (record.arguments, record.arguments_digest) == (None, None)
    assert b"/srv" not in msgspec.json.encode(record)


async def test_what_no_bundle_decided_says_so(host: Host) -> None:
    host.decider.raises = DecisionError(ReasonCode.BUNDLE_STALE, "too old")
    assert (await record_of(host, WHOLE)).not_replayable is NotReplayable.NOT_DECIDED
    host.decider.raises = DecisionError(ReasonCode.REVOKED, "the principal is revoked")
    assert (await record_of(host, WHOLE)).not_replayable is NotReplayable.REVOKED


async def test_a_search_is_recorded_as_a_list(host: Host) -> None:
    await host.client.post("/access/v1/search/resource", json=SEARCH)
    record = host.store.records[-1]
    assert isinstance(record, DecisionRecord)
    assert (record.not_replayable, record.shown) == (NotReplayable.LIST, ["git/git_log"])


async def test_a_caller_cannot_make_a_record_over_the_bound(host: Host) -> None:
    many = [f"corp|{'g' * 90}{number}" for number in range(5000)]
    subject = {"type": "user", "id": "corp|alice", "properties": {"groups": many, "all": many}}
    record = await record_of(host, WHOLE | {"subject": subject})
    assert record.not_replayable is NotReplayable.REQUEST_TOO_LARGE
    assert set(record.left_out) == {"groups", "attributes"}
    assert len(json.dumps(plain(record))) < 200_000
