"""What a gateway does while identity providers are slow, down or gone, and one is well."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Require
from tests.flow.identity.provider import INSTALL, Provider, is_installed, provider
from tests.flow.identity.scene import STATUS, ask_with, open_gateway, outcome, scene
from tests.flow.product import DEADLINE, Product, until

pytestmark = pytest.mark.timeout(240)

KEYS = "/jwks"
METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
OUTAGES: Mapping[str, Mapping[str, Any]] = {
    "slow": {KEYS: {"delay": 5000}},
    "silent": {path: {"hang": True} for path in (KEYS, *METADATA)},
    "failing": {path: {"status": 503} for path in (KEYS, *METADATA)},
    "impostor": {path: {"issuer": "https://login.other.test"} for path in METADATA},
}
KEYLESS = OUTAGES.keys() - {"impostor"}
"""Those that do not say their keys."""


@pytest.fixture(scope="module")
def fleet(require: Require) -> Iterator[dict[str, Provider]]:
    """Providers by what befalls them, and `well`."""
    require(is_installed(), reason=f"no identity provider here: {INSTALL}")
    with contextlib.ExitStack() as running:
        yield {name: running.enter_context(provider()) for name in [*OUTAGES, "well"]}


@pytest.fixture
def providers(fleet: dict[str, Provider]) -> Iterator[dict[str, Provider]]:
    yield fleet
    recover(fleet)


def recover(providers: Mapping[str, Provider]) -> None:
    for name in OUTAGES:
        providers[name].control(faults={})


def befall(providers: Mapping[str, Provider]) -> None:
    for name, outage in OUTAGES.items():
        providers[name].control(faults=outage)


def believing(made: Product, providers: Mapping[str, Provider]) -> Product:
    issuers = [{"alias": name, "issuer": running.issuer} for name, running in providers.items()]
    return open_gateway(made, *issuers, jwks_timeout="1s", jwks_max_age="1s")


def fresh(gateway: Product, running: Provider) -> str:
    """What becomes of a token that no claims are held for yet."""
    return outcome(gateway, running.own_token("stranger", resource=gateway.mcp), STATUS)


def test_keys_that_are_held_go_on_and_those_never_seen_do_not(providers: dict[str, Provider], tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        gateway = believing(made, providers)
        assert _go_on(gateway, providers)
        befall(providers)
        before = {name: asked(running) for name, running in providers.items()}
        until(lambda: _go_on(gateway, providers) and all(asked(providers[name]) > before[name] for name in before))
        for name in KEYLESS:
            providers[name].control(rotate=True)
            assert fresh(gateway, providers[name]) == "503 issuer_unavailable"
        assert fresh(gateway, providers["well"]) == "allowed"


def asked(running: Provider) -> int:
    return sum(running.asked(path) for path in (KEYS, *METADATA))


def _go_on(gateway: Product, providers: Mapping[str, Provider]) -> bool:
    assert {fresh(gateway, running) for running in providers.values()} == {"allowed"}
    return True


async def test_issuers_whose_keys_never_came_are_refused_while_another_is_served(
    providers: dict[str, Provider], tmp_path: Path
) -> None:
    with scene(tmp_path) as made:
        befall(providers)
        gateway = believing(made, providers)
        tokens = {
            name: [running.own_token("stranger", resource=gateway.mcp) for _ in range(5)]
            for name, running in providers.items()
        }
        async with asyncio.timeout(DEADLINE), httpx.AsyncClient() as client:
            answers = {
                name: await asyncio.gather(*(ask_with(client, gateway.mcp, token, STATUS) for token in of))
                for name, of in tokens.items()
            }
        assert answers == dict.fromkeys(OUTAGES, ["503 issuer_unavailable"] * 5) | {"well": ["allowed"] * 5}
        recover(providers)
        for name in OUTAGES:
            until(lambda back=tokens[name][0]: outcome(gateway, back, STATUS) == "allowed")


def test_a_provider_that_is_gone_leaves_its_tokens_good_to_their_end(
    providers: dict[str, Provider], tmp_path: Path
) -> None:
    with scene(tmp_path) as made, provider() as leaving:
        gateway = believing(made, {"leaving": leaving, "well": providers["well"]})
        tokens = [leaving.own_token("stranger", resource=gateway.mcp) for _ in range(3)]
        assert outcome(gateway, tokens[0], STATUS) == "allowed"
        leaving.end()
        assert [outcome(gateway, token, STATUS) for token in tokens] == ["allowed"] * 3
        assert fresh(gateway, providers["well"]) == "allowed"
