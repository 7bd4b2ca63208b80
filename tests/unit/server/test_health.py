import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pdp.audit.store import StoreUnavailableError
from pdp.core.contract.sealed import seal
from pdp.lifecycle.standing import Standing, Trouble
from tests.unit.audit.sample import decision
from tests.unit.server.hosting import BUNDLE, QUESTION, Host, hosting


def full(_: object) -> None:
    raise StoreUnavailableError("the decision log cannot be used: disk full")


async def test_a_process_that_answers_is_alive() -> None:
    async with hosting() as host:
        host.store.judge = full
        host.decider.generation = 0
        answer = await host.client.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_is_an_active_bundle_and_a_log_that_takes_records() -> None:
    async with hosting() as host:
        host.decider.last_error = "policies/a.cedar:1: unexpected token"
        host.bundles.standing = Standing(Trouble.REFUSED, host.decider.last_error)
        answer = await host.client.get("/readyz")
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "ready": True,
                "generation": 7,
                "bundle": BUNDLE,
                "bundle_error": "policies/a.cedar:1: unexpected token",
                "bundle_trouble": "bundle_refused",
                "bundle_age_ms": None,
                "source": "the test",
                "source_age_ms": 250,
                "revocations_error": None,
                "log_error": None,
                "log_store_error": None,
                "log_waiting": 0,
                "log_waiting_ms": None,
                "log_refused": 0,
                "log_queue": 0,
                "checkpoints": None,
                "canary": None,
            },
        )
        assert host.store.probes == 1


async def test_without_a_bundle_it_is_not_ready() -> None:
    async with hosting() as host:
        host.decider.generation = 0
        answer = await host.client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)


@pytest.mark.parametrize(("age", "status"), [(60.0, 200), (60.1, 503), (float("inf"), 503)])
async def test_a_bundle_past_its_bound_is_not_ready(age: float, status: int) -> None:
    async with hosting() as host:
        host.bundles.max_age, host.bundles.aged = 60.0, age
        answer = await host.client.get("/readyz")
        told = answer.json()
        assert (answer.status_code, told["ready"]) == (status, status == 200)
        assert told["bundle_age_ms"] == (None if age == float("inf") else int(age * 1000))
        assert told["bundle_error"] == (None if status == 200 else "the bundle is too old")


async def test_a_source_that_was_never_reached_has_no_age() -> None:
    async with hosting() as host:
        host.bundles.confirmed = None
        assert (await host.client.get("/readyz")).json()["source_age_ms"] is None
        assert "toolgate_source_confirmed_age_seconds" not in await metrics(host)


async def test_without_the_store_it_is_ready_and_says_so_until_there_is_one_again() -> None:
    async with hosting() as host:
        host.store.judge = full
        answer = await host.client.get("/readyz")
        assert (answer.status_code, answer.json()["log_error"]) == (200, None)
        assert "disk full" in answer.json()["log_store_error"]
        host.store.judge = None
        for _ in range(2000):  # each look at the clock is a millisecond, and a probe stands for a second
            answer = await host.client.get("/readyz")
            if answer.json()["log_store_error"] is None:
                break
        assert answer.json()["log_store_error"] is None


async def test_where_the_spool_takes_nothing_it_is_not_ready() -> None:
    async with hosting() as host:
        host.spool.untaken = "the spool is full: 7 records wait"
        host.spool.waiting = 7
        answer = await host.client.get("/readyz")
        assert (answer.status_code, answer.json()["log_error"]) == (503, "the spool is full: 7 records wait")
        assert (answer.json()["log_waiting"], answer.json()["log_waiting_ms"]) == (7, 1500)
        host.spool.untaken = None
        assert (await host.client.get("/readyz")).status_code == 200


async def test_questions_in_one_second_share_a_probe() -> None:
    async with hosting() as host:
        for _ in range(50):
            await host.client.get("/readyz")
        assert host.store.probes == 1


async def metrics(host: Host) -> dict[str, float]:
    text = (await host.client.get("/metrics")).text
    return {
        ",".join([sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_everything_is_counted() -> None:
    async with hosting() as host:
        await host.ask()
        await host.ask(QUESTION | {"subject": {"type": "user", "id": "corp|bob"}})
        await host.ask([])
        host.store.judge = full
        await host.ask()
        host.decider.reload_failures = 3
        host.bundles.failures_by = {Trouble.UNTRUSTED: 2, Trouble.UNAVAILABLE: 1}
        host.bundles.standing = Standing(Trouble.UNTRUSTED, "stolen key")
        counted = await metrics(host)
    expected = {
        "toolgate_decisions_total,decision=allow,reason_code=allowed": 1,
        "toolgate_decisions_total,decision=deny,reason_code=no_policy_allows": 1,
        "toolgate_decisions_total,decision=deny,reason_code=log_unavailable": 1,
        "toolgate_decision_seconds_count": 3,
        "toolgate_http_answers_total,status=200": 3,
        "toolgate_http_answers_total,status=400": 1,
        "toolgate_generation": 7,
        "toolgate_log_queue": 0,
        "toolgate_records_committed_total": 2,
        "toolgate_record_failures_total": 1,
        "toolgate_bundle_reload_failures_total": 3,
        "toolgate_bundle_failures_total,code=bundle_untrusted": 2,
        "toolgate_bundle_failures_total,code=source_unavailable": 1,
        "toolgate_bundle_failures_total,code=bundle_refused": 0,
        "toolgate_bundle_trouble,code=bundle_untrusted": 1,
        "toolgate_bundle_trouble,code=source_unavailable": 0,
        "toolgate_bundle_trouble,code=bundle_refused": 0,
        "toolgate_bundle_trouble,code=bundle_unkept": 0,
        "toolgate_source_confirmed_age_seconds": 0.25,
        "toolgate_listeners": 0,
    }
    assert {name: counted.get(name) for name in expected} == expected


async def test_every_metric_is_documented(root: Path) -> None:
    docs = "\n".join(path.read_text() for path in (root / "docs").glob("*.md"))
    async with hosting() as host:
        text = (await host.client.get("/metrics")).text
    families = [one for one in text_string_to_metric_families(text) if not one.name.endswith("_created")]
    names = {f"{one.name}_total" if one.type == "counter" else one.name for one in families}
    assert len(names) > 10
    assert sorted(name for name in names if not re.search(rf"`{name}[`{{]", docs)) == []


async def test_two_servers_in_one_process_count_for_themselves() -> None:
    async with hosting() as one, hosting() as other:
        await one.ask()
        assert (await metrics(one))["toolgate_decision_seconds_count"] == 1
        assert (await metrics(other))["toolgate_decision_seconds_count"] == 0


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_what_is_asked_of_health_is_no_decision(path: str) -> None:
    async with hosting() as host:
        await host.writer.commit(seal(decision(1)))
        await host.client.get(path)
        assert host.store.records == [decision(1)]
        assert host.decider.asked == []
