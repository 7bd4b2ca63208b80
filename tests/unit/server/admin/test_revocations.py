from pathlib import Path
from typing import Any

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.revocation import RevocationKind
from pdp.revocation.store import RevocationsUnavailableError
from tests.unit.server.admin.hosting import REVOCATIONS, administering, as_
from tests.unit.tokens.minting import NOW

ALICE = {"kind": "principal", "id": "corp|alice"}


async def test_what_is_revoked_is_in_force_at_once_and_says_by_whom(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        answer = await admin.revoke(reason="left", **{"for": "24h"})
        view = {
            "sequence": 1,
            **ALICE,
            "reason": "left",
            "by": "corp|olga",
            "at": rfc3339(NOW),
            "until": rfc3339(NOW + 86_400),
        }
        assert (answer.status_code, answer.json()) == (201, {"revocation": view, "warning": None})
        assert [one.id for one in admin.held.current().known.revocations] == ["corp|alice"]
        assert (await admin.get(REVOCATIONS)).json() == {"sequence": 1, "revocations": [view]}
        status = (await admin.get("/admin/v1/status")).json()
        assert (status["revocations"], status["in_force"]) == (1, 1)
        (told,) = [one for one in admin.events.named("admin_access") if one["status"] == 201]
        assert (told["principal"], told["kind"], told["id"], told["revocation"]) == (
            "corp|olga",
            "principal",
            "corp|alice",
            1,
        )


async def test_lifting_ends_it_once(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        await admin.revoke()
        for status, body in ((200, {"sequence": 2}), (404, "not_revoked")):
            answer = await admin.client.delete(REVOCATIONS, params=ALICE, headers=as_())
            assert (answer.status_code, answer.json() if status == 200 else answer.json()["code"]) == (status, body)
        assert admin.held.current().known.revocations == ()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "principal"},
        {"id": "corp|alice"},
        {**ALICE, "kind": "everything"},
        {**ALICE, "kind": ["principal"]},
        {**ALICE, "id": ["corp|alice"]},
        {**ALICE, "id": None},
        {**ALICE, "id": "alice"},
        {**ALICE, "id": "corp|al\nice"},
        {**ALICE, "id": "corp|" + "a" * 2000},
        {**ALICE, "reason": "a\x1b[2J"},
        {**ALICE, "reason": 7},
        {**ALICE, "for": 60},
        {**ALICE, "for": "-1h"},
        {**ALICE, "for": "0s"},
        {**ALICE, "for": "9" * 40 + "h"},
        {**ALICE, "for": "soon"},
        {**ALICE, "by": "corp|mallory"},
        {**ALICE, "sequence": 99},
        {**ALICE, "until": "2026-01-01T00:00:00Z"},
        {**ALICE, "duration": "1h"},
        [ALICE],
        "principal",
        None,
    ],
)
async def test_a_body_that_is_no_order_changes_nothing_and_is_not_repeated(tmp_path: Path, body: Any) -> None:
    async with administering(tmp_path) as admin:
        answer = await admin.client.post(REVOCATIONS, json=body, headers=as_())
        assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
        assert "mallory" not in answer.text
        assert admin.store.sequence() == 0


@pytest.mark.parametrize(
    "query", [{}, {"kind": "principal"}, {"kind": "x", "id": "corp|alice"}, {"kind": "tool", "id": "corp|alice"}]
)
async def test_a_query_that_names_nothing_lifts_nothing(tmp_path: Path, query: dict[str, str]) -> None:
    async with administering(tmp_path) as admin:
        await admin.revoke()
        answer = await admin.client.delete(REVOCATIONS, params=query, headers=as_())
        assert (answer.status_code, admin.store.sequence()) == (400, 1)


@pytest.mark.parametrize("identifier", ["corp|'; DROP TABLE revocations; --", "corp|%", "corp|a&kind=server"])
async def test_an_id_is_never_anything_but_an_id(tmp_path: Path, identifier: str) -> None:
    async with administering(tmp_path) as admin:
        await admin.revoke()
        assert (await admin.revoke(identifier)).status_code == 201
        params = {"kind": "principal", "id": identifier}
        assert (await admin.client.delete(REVOCATIONS, params=params, headers=as_())).status_code == 200
        found = (await admin.get(REVOCATIONS)).json()["revocations"]
        assert [one["id"] for one in found] == ["corp|alice"]


async def test_a_name_that_the_catalog_does_not_have_is_revoked_with_a_warning(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        admin.decider.catalogs = iter([Catalog([]).to_json()] * 2)
        made = [await admin.revoke(name, kind) for kind, name in (("server", "gti"), ("tool", "git/git_lgo"))]
        assert [answer.json()["warning"] for answer in made] == [
            "the catalog has no server `gti`",
            "the catalog has no tool `git/git_lgo`",
        ]
        assert [one.kind for one in admin.store.read().revocations] == [RevocationKind.SERVER, RevocationKind.TOOL]


async def test_a_revocation_that_is_over_is_not_shown(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        await admin.revoke(**{"for": "1m"})
        await admin.revoke("corp|bob")
        admin.time.now += 60
        shown = [one["id"] for one in (await admin.get(REVOCATIONS)).json()["revocations"]]
        assert (shown, len(admin.store.read().revocations)) == (["corp|bob"], 2)


async def test_a_store_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    async with administering(tmp_path) as admin:
        (tmp_path / "r.db").rename(tmp_path / "moved.db")
        for answer in (await admin.revoke(), await admin.get(REVOCATIONS)):
            assert (answer.status_code, answer.json()["code"]) == (503, "revocations_unavailable")
        with pytest.raises(RevocationsUnavailableError):
            admin.store.sequence()
