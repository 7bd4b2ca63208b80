from typing import Any

import pytest

from pdp.core.contract.authzen import AnswerContext, CacheHint, EvaluationRequest, EvaluationResponse, ToolgateAnswer
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import DecisionRecord
from pdp.core.contract.revocation import RevocationKind
from pdp.revocation.store import RevocationsUnavailableError
from tests.unit.server.hosting import BUNDLE, KEY, QUESTION, SEARCH, Host, TellingDecider, bearer, hosting

NAMED = [
    (RevocationKind.PRINCIPAL, "corp|alice"),
    (RevocationKind.ACTOR, "corp|agent"),
    (RevocationKind.SESSION, "s1"),
    (RevocationKind.TOOL, "git/git_log"),
    (RevocationKind.SERVER, "git"),
]


async def toolgate(host: Host, **named: Any) -> Any:
    return (await host.ask(**named)).json()["context"]["toolgate"]


@pytest.mark.parametrize(("kind", "identifier"), NAMED)
@pytest.mark.parametrize("headers", [{}, bearer(KEY)])
async def test_what_is_revoked_is_denied_and_never_asked_of_the_policies(
    kind: RevocationKind, identifier: str, headers: dict[str, str]
) -> None:
    async with hosting() as host:
        assert (await host.ask(headers=headers)).json()["decision"] is True
        host.decider.asked.clear()
        host.revoke(kind, identifier)
        response = (await host.ask(headers=headers)).json()
        assert response["decision"] is False
        answer = response["context"]["toolgate"]
        assert (answer["reason_code"], answer["revocations"], answer["cache"]["max_age"]) == ("revoked", 1, 0)
        assert host.decider.asked == []


async def test_a_denial_of_what_is_revoked_is_recorded_for_callers_that_keep_no_records() -> None:
    async with hosting() as host:
        host.revoke(*NAMED[0])
        await host.ask()
        (record,) = host.store.records
        assert isinstance(record, DecisionRecord)
        assert record.reason_code is ReasonCode.REVOKED


@pytest.mark.parametrize(("kind", "identifier"), NAMED)
async def test_a_search_shows_nothing_that_is_revoked(kind: RevocationKind, identifier: str) -> None:
    async with hosting() as host:
        found = (await host.client.post("/access/v1/search/resource", json=SEARCH)).json()
        assert found["results"] == [{"type": "tool", "id": "git/git_log"}]
        host.revoke(kind, identifier)
        found = (await host.client.post("/access/v1/search/resource", json=SEARCH)).json()
        assert found == {
            "results": [],
            "context": {"toolgate": {"generation": 7, "bundle": BUNDLE, "revocations": 1}},
        }


async def test_a_revocation_that_is_over_stops_nobody() -> None:
    async with hosting() as host:
        host.revoke(*NAMED[0], until="2026-07-28T09:00:00.000Z")  # the test's clock stands there
        assert await toolgate(host) | {"decision_id": ""} == {
            **(await toolgate(host)),
            "decision_id": "",
            "reason_code": "allowed",
            "revocations": 1,
        }


class CachingDecider(TellingDecider):
    """Says that its answer varies by the path alone."""

    vary: list[str] | None = ["/context/arguments/repo"]  # noqa: RUF012 - set by tests

    def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        answer = ToolgateAnswer("d", ReasonCode.ALLOWED, 7, BUNDLE, cache=CacheHint(5000, self.vary))
        return EvaluationResponse(decision=True, context=AnswerContext(answer))


async def test_answers_vary_by_session_while_one_is_revoked() -> None:
    async with hosting(decider=CachingDecider()) as host:
        assert (await toolgate(host))["cache"]["vary"] == ["/context/arguments/repo"]
        host.revoke(RevocationKind.PRINCIPAL, "corp|bob")
        assert (await toolgate(host))["cache"]["vary"] == ["/context/arguments/repo"]
        host.revoke(RevocationKind.SESSION, "s2")
        assert (await toolgate(host))["cache"]["vary"] == ["/context/arguments/repo", "/context/session"]
        for everything in ([""], None):
            CachingDecider.vary = everything
            assert (await toolgate(host))["cache"]["vary"] == everything


async def test_when_nobody_knows_what_is_revoked_everything_is_denied() -> None:
    async with hosting() as host:
        host.revocations.raises = RevocationsUnavailableError("the disk is gone")
        host.held._read_at -= 11.0
        response = (await host.ask()).json()
        assert (response["decision"], response["context"]["toolgate"]["reason_code"]) == (False, "revocations_unknown")
        search = await host.client.post("/access/v1/search/resource", json=SEARCH)
        assert search.status_code == 503
        served = await host.client.get("/v1/revocations", headers=bearer(KEY))
        assert served.status_code == 503
        ready = await host.client.get("/readyz")
        assert (ready.status_code, ready.json()["revocations_error"]) == (503, "the disk is gone")
        assert host.decider.asked == []


async def test_enforcers_get_the_whole_set_with_its_number_as_tag() -> None:
    async with hosting() as host:
        host.revoke(RevocationKind.SESSION, "s1", until="2026-07-28T10:00:00.000Z")
        answer = await host.client.get("/v1/revocations", headers=bearer(KEY))
        assert answer.headers["etag"] == 'W/"1"'
        assert answer.json() == {
            "sequence": 1,
            "revocations": [
                {
                    "sequence": 1,
                    "kind": "session",
                    "id": "s1",
                    "reason": "lost",
                    "by": "corp|olga",
                    "at": "2026-07-28T09:00:00.000Z",
                    "until": "2026-07-28T10:00:00.000Z",
                }
            ],
        }
        for tag in ('W/"1"', '"1"', '"0", W/"1"'):
            same = await host.client.get("/v1/revocations", headers=bearer(KEY) | {"if-none-match": tag})
            assert (same.status_code, same.content) == (304, b"")
        host.revoke(RevocationKind.SERVER, "git")
        fresh = await host.client.get("/v1/revocations", headers=bearer(KEY) | {"if-none-match": 'W/"1"'})
        assert (fresh.status_code, fresh.json()["sequence"]) == (200, 2)


async def test_nobody_else_gets_the_set() -> None:
    async with hosting() as host:
        assert (await host.client.get("/v1/revocations")).status_code == 401
        assert (await host.client.post("/v1/revocations", headers=bearer(KEY))).status_code == 405
        assert QUESTION["subject"]["id"] == "corp|alice"
