"""Keys change while calls go on."""

import asyncio
from collections import Counter, defaultdict
from pathlib import Path

import httpx
import pytest

from tests.flow.identity.provider import Provider, signed_by
from tests.flow.identity.scene import LOG, ask_with, open_gateway, scene
from tests.flow.product import DEADLINE, Product

pytestmark = pytest.mark.timeout(240)

WORKERS = 8
CALLS_A_TOKEN = 3
CALLS_A_KEY = 100


class Load:
    """Workers that call with fresh tokens, one after the other, until told to stop; `answers` by signing key."""

    def __init__(self, gateway: Product, corp: Provider) -> None:
        self._gateway = gateway
        self._corp = corp
        self._used: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.answers: Counter[tuple[str, str]] = Counter()
        self.stopped = False

    async def work(self, client: httpx.AsyncClient) -> None:
        while not self.stopped:
            token = await asyncio.to_thread(self._corp.own_token, "nightly-report", resource=self._gateway.mcp)
            key = signed_by(token)
            for _ in range(CALLS_A_TOKEN):
                self.answers[key, await ask_with(client, self._gateway.mcp, token, LOG)] += 1
            if sum(count for (used, _), count in self.answers.items() if used == key) >= CALLS_A_KEY:
                self._used[key].set()

    async def until_used(self, key: str) -> None:
        await self._used[key].wait()


async def test_no_call_fails_while_keys_rotate_twice(corp: Provider, tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        issuer = {"alias": "corp", "issuer": corp.issuer}
        gateway = open_gateway(made, issuer)
        load = Load(gateway, corp)
        keys = [corp.control()["kid"]]
        async with asyncio.timeout(DEADLINE), httpx.AsyncClient() as client, asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(load.work(client))
            await load.until_used(keys[-1])
            for _ in range(2):
                keys.append((await asyncio.to_thread(corp.control, rotate=True))["kid"])
                await load.until_used(keys[-1])
            load.stopped = True
        assert {answer for _, answer in load.answers} == {"allowed"}
        assert {key for key, _ in load.answers} == set(keys)
        assert len(set(keys)) == 3
        assert corp.asked("/jwks") == 3
