from collections.abc import Iterator

import pytest

from pdp.core.contract.digest import digest_of
from pdp.core.contract.errors import DecisionError
from pdp.core.contract.reason_code import ReasonCode
from pdp.server.catalogs import MAX_HELD
from tests.unit.server.hosting import KEY, Host, bearer, hosting

CONTENT = b'{"tools":[]}'
DIGEST = digest_of(CONTENT)
MAPPING = b'{"issuers":{}}'
MAPPING_DIGEST = digest_of(MAPPING)
TAG = f'"{DIGEST}+{MAPPING_DIGEST}+7"'


async def activate(host: Host, content: bytes) -> str:
    """Another bundle with that catalog; the digest it is said to have."""
    host.decider.bundle = f"sha256:{content.hex()}"
    host.decider.catalogs = iter([content])
    return str((await host.client.get("/v1/catalog", headers=bearer(KEY))).json()["digest"])


async def test_the_digest_of_the_active_catalog_is_told_with_its_generation_and_is_its_tag() -> None:
    async with hosting() as host:
        answer = await host.client.get("/v1/catalog", headers=bearer(KEY))
        assert (answer.status_code, answer.json()) == (
            200,
            {"digest": DIGEST, "generation": 7, "mapping": MAPPING_DIGEST},
        )
        assert (answer.headers["etag"], answer.headers["cache-control"]) == (TAG, "no-store")
        for tag in (TAG, f"W/{TAG}", f'"a", {TAG}'):
            same = await host.client.get("/v1/catalog", headers=bearer(KEY) | {"if-none-match": tag})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", TAG)
        for tag in ('"sha256:1"', DIGEST, f'"{DIGEST}"', ""):
            other = await host.client.get("/v1/catalog", headers=bearer(KEY) | {"if-none-match": tag})
            assert other.status_code == 200


async def test_the_bytes_under_a_digest_have_it_and_may_be_kept_for_good() -> None:
    async with hosting() as host:
        await host.client.get("/v1/catalog", headers=bearer(KEY))
        answer = await host.client.get(f"/v1/catalog/{DIGEST}", headers=bearer(KEY))
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_the_claims_mapping_is_had_by_its_digest_and_from_its_own_place_alone() -> None:
    async with hosting() as host:
        await host.client.get("/v1/catalog", headers=bearer(KEY))
        answer = await host.client.get(f"/v1/mapping/{MAPPING_DIGEST}", headers=bearer(KEY))
        assert (answer.status_code, answer.content) == (200, MAPPING)
        for path in (f"/v1/catalog/{MAPPING_DIGEST}", f"/v1/mapping/{DIGEST}", "/v1/mapping/"):
            assert (await host.client.get(path, headers=bearer(KEY))).status_code == 404


async def test_another_mapping_under_the_same_catalog_is_another_head() -> None:
    async with hosting() as host:
        before = await host.client.get("/v1/catalog", headers=bearer(KEY))
        host.decider.bundle, host.decider.mappings = "sha256:new", iter([b"other"])
        after = await host.client.get("/v1/catalog", headers=bearer(KEY) | {"if-none-match": before.headers["etag"]})
        assert after.json() == {"digest": DIGEST, "generation": 7, "mapping": digest_of(b"other")}


@pytest.mark.parametrize("name", ["", "sha256:0", DIGEST + "/", DIGEST.upper(), "%2e%2e/catalog", DIGEST + "/x"])
async def test_nothing_else_is_held(name: str) -> None:
    async with hosting() as host:
        await host.client.get("/v1/catalog", headers=bearer(KEY))
        assert (await host.client.get(f"/v1/catalog/{name}", headers=bearer(KEY))).status_code == 404


async def test_earlier_catalogs_are_held_within_the_bound() -> None:
    async with hosting() as host:
        digests = [await activate(host, str(number).encode()) for number in range(MAX_HELD + 2)]
        held = [(await host.client.get(f"/v1/catalog/{digest}", headers=bearer(KEY))).status_code for digest in digests]
        assert held == [404, 404, *[200] * MAX_HELD]


async def test_a_catalog_that_comes_back_is_held_on() -> None:
    async with hosting() as host:
        first = await activate(host, b"first")
        for number in range(MAX_HELD - 1):
            await activate(host, str(number).encode())
        assert await activate(host, b"first") == first
        await activate(host, b"last")
        answer = await host.client.get(f"/v1/catalog/{first}", headers=bearer(KEY))
        assert (answer.status_code, answer.content) == (200, b"first")


async def test_catalog_and_generation_are_of_one_bundle() -> None:
    async with hosting() as host:

        def changing() -> Iterator[bytes]:
            host.decider.bundle, host.decider.generation = "sha256:new", 8
            yield b"old"
            yield b"new"

        host.decider.catalogs = changing()
        answer = await host.client.get("/v1/catalog", headers=bearer(KEY))
        assert answer.json() == {"digest": digest_of(b"new"), "generation": 8, "mapping": MAPPING_DIGEST}


async def test_the_catalog_is_encoded_once_for_a_bundle() -> None:
    async with hosting() as host:
        host.decider.catalogs = iter([CONTENT])
        for _ in range(3):
            assert (await host.client.get("/v1/catalog", headers=bearer(KEY))).json()["digest"] == DIGEST


async def test_without_a_bundle_there_is_no_catalog() -> None:
    async with hosting() as host:
        host.decider.raises = DecisionError(ReasonCode.BUNDLE_STALE, "none")
        assert (await host.client.get("/v1/catalog", headers=bearer(KEY))).status_code == 503


@pytest.mark.parametrize(
    "path", ["/v1/catalog", f"/v1/catalog/{DIGEST}", "/v1/catalog/", f"/v1/mapping/{MAPPING_DIGEST}"]
)
async def test_only_enforcers_get_a_catalog(path: str) -> None:
    async with hosting() as host:
        assert (await host.client.get(path)).status_code == 401
        assert (await host.client.get(path, headers=bearer("x" * 43))).status_code == 401
