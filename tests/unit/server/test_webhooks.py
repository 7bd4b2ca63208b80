import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping

import httpx
import pytest

from pdp.core.contract.clock import Clock
from pdp.core.contract.errors import UnusableError
from pdp.hosting.address import ListenAddress
from pdp.server.access import Anonymous
from pdp.server.exchange import RefusedExchange, Request
from pdp.server.webhooks import WEBHOOK_PATH, Webhook
from tests.unit.server.hosting import LOOPBACK, NETWORK, hosting

SECRET = b"It's a Secret to Everybody"
KEY = b"0123456789abcdef0123456789abcdef"
NOW = 1_785_229_200
CLOCK = Clock(lambda: float(NOW), lambda: 0.0, bytes)
BODY = b'{"ref": "refs/heads/main"}'


class Looks:
    """Counts looks, each of which lasts until it is let go; pauses wait likewise."""

    def __init__(self) -> None:
        self.begun = 0
        self.pauses: list[float] = []
        self.go = asyncio.Semaphore(0)
        self.rested = asyncio.Semaphore(0)

    async def look(self) -> None:
        self.begun += 1
        await self.go.acquire()

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.rested.acquire()


def webhook(looks: Looks | None = None, secret: bytes = SECRET) -> Webhook:
    looks = looks or Looks()
    return Webhook(secret, looks.look, clock=CLOCK, pause=looks.pause)


def hub(body: bytes = BODY, secret: bytes = SECRET, *, name: str = "x-hub-signature-256") -> dict[str, str]:
    return {name: "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()}


def standard(body: bytes = BODY, key: bytes = KEY, *, at: int | str = NOW, before: str = "") -> dict[str, str]:
    mac = hmac.new(key, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()
    signature = before + "v1," + base64.b64encode(mac).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature}


def whsec(key: bytes = KEY) -> bytes:
    return b"whsec_" + base64.b64encode(key)


async def taken(hook: Webhook, headers: Mapping[str, str], body: bytes = BODY) -> int:
    pairs = tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items())
    request = Request("POST", WEBHOOK_PATH, pairs, "192.0.2.1", 0.0, body)
    try:
        answer = await hook.take(request, Anonymous())
    except RefusedExchange as refusal:
        return refusal.status
    assert answer.body == b""
    return answer.status


async def test_the_example_of_githubs_documentation_is_taken() -> None:
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert await taken(webhook(), {"x-hub-signature-256": f"sha256={digest}"}, b"Hello, World!") == 204


async def test_the_example_of_standard_webhooks_is_taken() -> None:
    """The one in its specification and libraries."""
    clock = Clock(lambda: 1_614_265_330.0, lambda: 0.0, bytes)
    hook = Webhook(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Looks().look, clock=clock)
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert await taken(hook, headers, b'{"test": 2432232314}') == 204


@pytest.mark.parametrize(
    ("secret", "headers"),
    [
        (SECRET, hub()),
        (SECRET + b"\n", hub()),
        (SECRET, hub(name="x-hub-signature")),
        (SECRET, standard(key=SECRET)),
        (whsec(), standard()),
        (whsec(), hub(secret=whsec())),
        (whsec(), standard(at=NOW - 299)),
        (whsec(), standard(at=NOW + 299)),
        (whsec(), standard(before="v1,AAAA v1a,xyz ")),
    ],
)
async def test_what_is_signed_with_the_secret_is_taken(secret: bytes, headers: dict[str, str]) -> None:
    assert await taken(webhook(secret=secret), headers) == 204


@pytest.mark.parametrize(
    "headers",
    [
        {},
        hub(secret=b"another secret of somebody"),
        hub(body=BODY + b" "),
        {"x-hub-signature-256": hub()["x-hub-signature-256"].removeprefix("sha256=")},
        {"x-hub-signature-256": hub()["x-hub-signature-256"].upper()},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": "sha256=\u00e9"},
        {"x-hub-signature-256": "\u00e9" * 71},
        {"x-hub-signature": "sha1=" + hmac.new(SECRET, BODY, hashlib.sha1).hexdigest()},
        {"x-gitlab-token": SECRET.decode()},
        standard(key=SECRET, at=NOW - 301),
        standard(key=SECRET, at=NOW + 301),
        standard(key=SECRET, at="-1"),
        standard(key=SECRET, at=f"{NOW}.0"),
        standard(key=SECRET, at="9" * 5_000),
        standard(key=SECRET) | {"webhook-id": "msg_2"},
        standard(key=SECRET) | {"webhook-timestamp": str(NOW - 1)},
        standard(key=SECRET) | {"webhook-signature": "v1,"},
        {name: value for name, value in standard(key=SECRET).items() if name != "webhook-id"},
        {"webhook-signature": standard(key=SECRET)["webhook-signature"]},
    ],
)
async def test_what_is_not_is_refused_and_causes_nothing(headers: dict[str, str]) -> None:
    looks = Looks()
    hook = webhook(looks)
    assert await taken(hook, headers) == 401
    watching = asyncio.create_task(hook.watch())
    await settled()
    assert looks.begun == 0
    watching.cancel()


async def settled() -> None:
    """Let everything that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_hundred_notifications_are_one_look_and_those_during_it_one_more() -> None:
    looks = Looks()
    hook = webhook(looks)
    watching = asyncio.create_task(hook.watch())
    for _ in range(100):
        assert await taken(hook, hub()) == 204
    await settled()
    assert looks.begun == 1
    for _ in range(100):
        assert await taken(hook, hub()) == 204
    await settled()
    assert looks.begun == 1
    looks.go.release()
    await settled()
    assert (looks.begun, looks.pauses) == (1, [1.0])
    looks.rested.release()
    await settled()
    assert looks.begun == 2
    looks.go.release()
    looks.rested.release()
    await settled()
    assert (looks.begun, looks.pauses) == (2, [1.0, 1.0])
    watching.cancel()


@pytest.mark.parametrize("secret", [b"", b"\n", b"short", b"  spaces do not count  "[:17], b"whsec_not base64 at all!"])
def test_a_secret_that_is_none_is_refused_at_the_start(secret: bytes) -> None:
    with pytest.raises(UnusableError):
        webhook(secret=secret)


@pytest.mark.parametrize("listen", [LOOPBACK, NETWORK])
async def test_the_path_is_open_to_whoever_signs_and_not_there_otherwise(listen: ListenAddress) -> None:
    async with hosting(listen, webhook=webhook()) as host:
        json = {"content-type": "application/json"}
        for more in ({}, {"origin": "https://example.com"}, {"host": "hooks.example.com"}):
            answer = await post(host.client, hub() | json | more)
            assert (answer.status_code, answer.content) == (204, b"")
        assert (await post(host.client, json)).status_code == 401
        assert (await host.client.get(WEBHOOK_PATH)).status_code == 405
        assert (await post(host.client, hub() | {"content-type": "text/plain"})).status_code == 415
        twice = [*hub().items(), *hub().items(), *json.items()]
        assert (await host.client.post(WEBHOOK_PATH, content=BODY, headers=twice)).status_code == 400
    async with hosting(listen) as host:
        assert (await post(host.client, hub() | json)).status_code == 401


async def test_a_notification_that_is_too_large_is_refused() -> None:
    async with hosting(webhook=webhook()) as host:
        body = b" " * (4 * 1024 * 1024 + 1)
        headers = hub(body) | {"content-type": "application/json"}
        assert (await host.client.post(WEBHOOK_PATH, content=body, headers=headers)).status_code == 413


async def post(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await client.post(WEBHOOK_PATH, content=BODY, headers=headers)
