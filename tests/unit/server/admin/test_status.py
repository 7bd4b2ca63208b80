from pathlib import Path
from typing import Any

from pdp.core.bundle.envelope import Envelope, sealed
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import PAYLOAD_TYPE, Manifest
from pdp.core.contract.identifier import rfc3339
from pdp.lifecycle.standing import Standing, Trouble
from tests.unit.server.admin.hosting import Admin, administering, as_
from tests.unit.server.hosting import BUNDLE
from tests.unit.tokens.minting import NOW

REFRESH = "/admin/v1/bundle/refresh"
PUBLISHER: dict[str, Any] = {"sub": "petra", "roles": ["publisher"]}


async def test_the_status_says_how_the_bundle_stands_and_what_enforcers_use(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        manifest = Manifest(9, BUNDLE, {}, published="2026-07-28T09:00:00.000Z", origin="git main 4f2a", rollback="6")
        admin.bundles.head = Head(sealed(PAYLOAD_TYPE, manifest.to_json()))
        admin.bundles.standing = Standing(Trouble.UNAVAILABLE, "no route to host")
        admin.decider.last_error, admin.decider.reload_failures = "no route to host", 2
        admin.bundles.max_age, admin.bundles.aged, admin.bundles.confirmed = 60.0, 7.5, 31.0
        admin.confirmations.take("gateway", 9)
        admin.confirmations.take("edge", 8)
        status = await admin.get("/admin/v1/status")
        assert (status.status_code, status.json()) == (
            200,
            {
                "generation": 9,
                "bundle": BUNDLE,
                "bundle_error": "no route to host",
                "bundle_trouble": "source_unavailable",
                "bundle_age_ms": 7500,
                "published": "2026-07-28T09:00:00.000Z",
                "origin": "git main 4f2a",
                "rollback": "6",
                "trust": None,
                "source": "the test",
                "source_age_ms": 31_000,
                "reload_failures": 2,
                "enforcers": {
                    "edge": {"generation": 8, "at": rfc3339(NOW), "age_ms": 0},
                    "gateway": {"generation": 9, "at": rfc3339(NOW), "age_ms": 0},
                },
                "canary": None,
                "log_queue": 0,
                "records_committed": 0,
                "record_failures": 0,
                "revocations": 0,
                "in_force": 0,
            },
        )


async def test_a_root_of_trust_that_nobody_looked_at_takes_no_status_down(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        admin.bundles.head = Head(admin.bundles.head.manifest, trust=(Envelope("text/plain", "%"),))
        assert (await admin.get("/admin/v1/status")).json()["trust"] is None


async def publish(admin: Admin, **who: Any) -> tuple[int, Any]:
    answer = await admin.client.post(REFRESH, headers=as_(**(PUBLISHER | who)))
    return answer.status_code, answer.json()


async def test_a_publisher_has_the_source_looked_at_now_and_is_told_what_came_of_it(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:

        def published() -> None:
            manifest = Manifest(8, BUNDLE, {})
            admin.bundles.head = Head(sealed(PAYLOAD_TYPE, manifest.to_json()))

        admin.bundles.on_refresh = published
        status, told = await publish(admin)
        assert (status, told["generation"], told["bundle_trouble"]) == (200, 8, None)
        (access,) = admin.events.named("admin_access")
        assert (access["action"], access["principal"], access["generation"]) == (
            "policies:publish",
            "corp|petra",
            8,
        )


async def test_a_refusal_of_what_was_published_is_an_answer_not_a_failure(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:

        def refused() -> None:
            admin.bundles.standing = Standing(Trouble.UNTRUSTED, "a stolen key")
            admin.decider.last_error = "a stolen key"

        admin.bundles.on_refresh = refused
        status, told = await publish(admin)
        assert (status, told["generation"], told["bundle_trouble"], told["bundle_error"]) == (
            200,
            7,
            "bundle_untrusted",
            "a stolen key",
        )


async def test_nobody_else_has_it_looked_at(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        looked: list[None] = []
        admin.bundles.on_refresh = lambda: looked.append(None)
        others: list[dict[str, Any]] = [{"roles": []}, {"roles": [], "groups": ["ops"]}, {"act": {"sub": "helper"}}]
        for who in others:
            status, told = await publish(admin, **who)
            assert (status, told["code"]) == (403, "not_permitted")
        answer = await admin.client.post(REFRESH)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert (await admin.client.get(REFRESH, headers=as_(**PUBLISHER))).status_code == 405
        assert looked == []
