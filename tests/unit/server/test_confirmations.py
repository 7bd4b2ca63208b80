import pytest

from pdp.core.bundle.manifest import MAX_SERIAL
from pdp.server.confirmations import Confirmation, Confirmations
from tests.unit.server.hosting import KEY, OTHER_KEY, bearer, hosting, ticking_clock

NOW = 1_785_229_200.0


async def test_the_last_generation_that_an_enforcer_said_it_uses_is_remembered_under_its_own_name() -> None:
    async with hosting() as host:
        for key, said in ((KEY, "6"), (KEY, "7"), (OTHER_KEY, "5")):
            headers = bearer(key) | {"toolgate-generation": said, "toolgate-enforcer": "victim"}
            assert (await host.client.get("/v1/catalog", headers=headers)).status_code == 200
        await host.client.get("/v1/catalog", headers=bearer(KEY))
        assert host.confirmations.last() == {"gateway": Confirmation(7, NOW), "other": Confirmation(5, NOW)}


async def test_a_confirmation_counts_also_where_nothing_changed() -> None:
    async with hosting() as host:
        tag = (await host.client.get("/v1/catalog", headers=bearer(KEY))).headers["etag"]
        headers = bearer(KEY) | {"if-none-match": tag, "toolgate-generation": str(MAX_SERIAL)}
        assert (await host.client.get("/v1/catalog", headers=headers)).status_code == 304
        assert host.confirmations.last() == {"gateway": Confirmation(MAX_SERIAL, NOW)}


@pytest.mark.parametrize(
    "said", ["", "0", "-1", "+1", "1.0", "1e3", "0x1", "01", " 7", "7 ", "7,8", "true", str(MAX_SERIAL + 1), "9" * 999]
)
async def test_what_is_no_generation_is_refused_and_not_remembered(said: str) -> None:
    async with hosting() as host:
        answer = await host.client.get("/v1/catalog", headers=bearer(KEY) | {"toolgate-generation": said})
        assert (answer.status_code, said in answer.text if len(said) > 3 else False) == (400, False)
        assert host.confirmations.last() == {}


async def test_two_generations_in_one_request_are_refused() -> None:
    async with hosting() as host:
        headers = [*bearer(KEY).items(), ("toolgate-generation", "7"), ("toolgate-generation", "8")]
        assert (await host.client.get("/v1/catalog", headers=headers)).status_code == 400
        assert host.confirmations.last() == {}


async def test_nobody_without_a_credential_confirms_anything() -> None:
    async with hosting() as host:
        for headers in ({}, bearer("x" * 43)):
            answer = await host.client.get("/v1/catalog", headers=headers | {"toolgate-generation": "7"})
            assert answer.status_code == 401
        assert host.confirmations.last() == {}


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdp.server.confirmations.MAX_HELD", 2)
    held = Confirmations(clock=ticking_clock())
    for name in ("a", "b", "c", "a"):
        held.take(name, len(held.last()) + 1)
    assert {name: one.generation for name, one in held.last().items()} == {"a": 3, "b": 2}
