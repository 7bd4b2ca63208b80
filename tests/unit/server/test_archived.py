import asyncio
import threading

import pytest

from pdp.core.bundle.content import MEDIA_TYPE as CONTENT_TYPE
from pdp.core.bundle.envelope import sealed
from pdp.core.bundle.head import MEDIA_TYPE as HEAD_TYPE
from pdp.core.bundle.head import Head
from pdp.core.bundle.manifest import PAYLOAD_TYPE, Manifest
from pdp.core.contract.digest import digest_of
from pdp.lifecycle.archive import ArchiveError
from tests.unit.server.hosting import KEY, bearer, hosting

CONTENT = b'{"files":{},"version":1}'
DIGEST = digest_of(CONTENT)


async def test_what_is_signed_about_the_active_bundle_is_had_whole_and_once() -> None:
    async with hosting() as host:
        answer = await host.client.get("/v1/bundle", headers=bearer(KEY))
        assert (answer.status_code, answer.headers["content-type"]) == (200, HEAD_TYPE)
        assert Head.from_json(answer.content) == host.bundles.head
        tag = answer.headers["etag"]
        assert tag == f'"{digest_of(answer.content)}"'
        same = await host.client.get("/v1/bundle", headers=bearer(KEY) | {"if-none-match": f'"x", W/{tag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        host.bundles.head = Head(sealed(PAYLOAD_TYPE, Manifest(8, DIGEST, {}).to_json()))
        other = await host.client.get("/v1/bundle", headers=bearer(KEY) | {"if-none-match": tag})
        assert (other.status_code, Head.from_json(other.content).unverified().serial) == (200, 8)


async def test_a_content_is_had_by_its_digest_and_may_be_kept_for_good() -> None:
    async with hosting() as host:
        host.bundles.contents[DIGEST] = CONTENT
        answer = await host.client.get(f"/v1/bundle/{DIGEST}", headers=bearer(KEY))
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, CONTENT, CONTENT_TYPE)
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sha256:0",
        DIGEST.upper(),
        f"{DIGEST}%0a",
        f"{DIGEST}/",
        f"{DIGEST}/x",
        "sha256:%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%2f" + DIGEST,
        "md5:" + "0" * 32,
        "sha256:" + "%D9%A1" * 64,
        "a" * 5000,
    ],
)
async def test_what_is_no_digest_never_reaches_the_archive(name: str) -> None:
    async with hosting() as host:
        assert (await host.client.get(f"/v1/bundle/{name}", headers=bearer(KEY))).status_code == 404
        assert host.bundles.reads == []


async def test_what_is_not_kept_is_not_found_and_an_archive_that_fails_is_no_answer() -> None:
    async with hosting() as host:
        assert (await host.client.get(f"/v1/bundle/{DIGEST}", headers=bearer(KEY))).status_code == 404
        host.bundles.raises = ArchiveError("`/srv/archive`: permission denied")
        answer = await host.client.get(f"/v1/bundle/{DIGEST}", headers=bearer(KEY))
        assert (answer.status_code, "srv" in answer.text) == (503, False)
        host.bundles.raises, host.bundles.contents = None, {DIGEST: CONTENT}
        assert (await host.client.get(f"/v1/bundle/{DIGEST}", headers=bearer(KEY))).status_code == 200


async def test_many_who_ask_at_one_time_share_one_reading_and_decisions_do_not_wait_for_it() -> None:
    async with hosting() as host:
        opened, reached = threading.Event(), asyncio.Event()
        loop, read = asyncio.get_running_loop(), host.bundles.archived

        def slow(digest: str) -> bytes:
            loop.call_soon_threadsafe(reached.set)
            assert opened.wait(30)
            return read(digest)

        host.bundles.archived = slow  # type: ignore[method-assign]
        host.bundles.contents[DIGEST] = CONTENT
        asking = [asyncio.create_task(host.client.get(f"/v1/bundle/{DIGEST}", headers=bearer(KEY))) for _ in range(20)]
        await reached.wait()
        assert (await host.ask()).status_code == 200
        asking[0].cancel()
        opened.set()
        answers = await asyncio.gather(*asking[1:])
        assert {answer.content for answer in answers} == {CONTENT}
        assert host.bundles.reads == [DIGEST]


@pytest.mark.parametrize("path", ["/v1/bundle", f"/v1/bundle/{DIGEST}", "/v1/bundle/"])
async def test_only_enforcers_get_bundles(path: str) -> None:
    async with hosting() as host:
        for headers in ({}, bearer("x" * 43)):
            assert (await host.client.get(path, headers=headers)).status_code == 401
        assert (await host.client.post(path, headers=bearer(KEY))).status_code == 405
