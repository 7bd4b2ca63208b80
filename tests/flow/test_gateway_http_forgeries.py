"""The corpus of forged tokens over HTTP: the gateway's head, with the product's own verifier behind it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pdp.core.contract.reason_code import ReasonCode
from pdp.tokens.authenticator import Authenticator
from pdp.tokens.proof.possession import BindingRule, Possession
from pdp.tokens.signed.key_cache import KeyCache
from pdp.tokens.signed.verifier import TokenVerifier, TrustedIssuer
from tests.flow.gateway_host import Host, odd, open_host, serve
from tests.flow.http_client import Client
from tests.unit.tokens.minting import Events, Keys
from tests.unit.tokens.proof.proving import checker
from tests.unit.tokens.signed.forgeries import forgeries
from tests.unit.tokens.signed.forging import TRUSTED_ALGORITHMS, TRUSTED_KEYS, Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCENE = Scene()
MAX_HEADER = 60_000
# What no header can carry never comes to be a token; the hostile heads have it.
CARRIED = {
    name: forged
    for name, forged in forgeries(SCENE).items()
    if not set(forged[0]) & {"\r", "\n", "\0"} and len(forged[0]) < MAX_HEADER and forged[0] == forged[0].strip(" \t")
}
STATUS = {ReasonCode.ISSUER_UNAVAILABLE: 503}


def authenticator() -> Authenticator:
    log = Events().log()
    keys = KeyCache(Keys(TRUSTED_KEYS), alias="corp", max_age=600, log=log)
    issuer = TrustedIssuer("corp", SCENE.issuer, SCENE.audience, frozenset(TRUSTED_ALGORITHMS), keys)
    possession = Possession(checker(), rules={"corp": BindingRule()})
    return Authenticator(TokenVerifier([issuer], leeway=5, log=log), possession=possession)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    opened = open_host({"odd": odd("plain")}, authenticator=authenticator(), wall=lambda: SCENE.now)
    async with opened as plain, serve(plain) as serving:
        yield serving


async def test_what_is_not_forged_is_answered(host: Host) -> None:
    authorization = ("Authorization", f"Bearer {SCENE.good()}")
    assert (await Client(host.address.port).modern("tools/list", extra=[authorization])).status == 200


@pytest.mark.parametrize("name", CARRIED)
async def test_no_forged_token_gets_anywhere_and_each_has_its_code(host: Host, name: str) -> None:
    token, code = CARRIED[name]
    host.point.records.clear()
    sent = f"Bearer {token}".encode("utf-8", "surrogatepass").decode("latin-1")
    reply = await Client(host.address.port).call("odd__echo", extra=[("Authorization", sent)], text="x")
    assert (reply.status, reply.reason) == (STATUS.get(code, 401), code)
    assert host.reasons == [code]
    assert "result" not in reply.json


async def test_nearly_all_of_the_corpus_can_be_sent() -> None:
    assert len(CARRIED) > 250
