"""An enforcer that is an OAuth client, its token endpoint, and a decision point as its users start it."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest

from enforcers.compose import open_decision_point
from enforcers.decision_source import DecisionPoint
from pdp.core.contract.authzen import Action, EvaluationRequest, Resource, ResourceKind, ResourceSearchRequest, Subject
from pdp.core.contract.errors import DecisionError, RecordsRefusedError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.sealed import seal
from pdp.core.settings.load import load
from tests.flow.pdp_process import Pdp, running, set_up
from tests.unit.audit.sample import decision
from tests.unit.enforcers.token_endpoint import TokenEndpoint, granting
from tests.unit.tokens.minting import EC_KEY, key_set, public_jwk

PDP = "https://pdp.example.com"
ISSUER = "https://login.example.com/"
SUBJECT = Subject("user", "corp|alice")
CONFIG = """\
version: 1
pdp:
  listen: 127.0.0.1:0
  reload_interval: 1h
  log: {url: "sqlite:///log.db"}
  resource: https://pdp.example.com
  enforcers:
    edge: {issuer: corp, client_id: edge-client, servers: [git]}
    other: {issuer: corp, client_id: other-client, servers: [files]}
identity:
  issuers:
    - {alias: corp, issuer: "https://login.example.com/", audience: "https://gateway.example.com/mcp", jwks: keys.json}
"""


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    async with granting() as one:
        yield one


@pytest.fixture
def base(tmp_path: Path, root: Path) -> Path:
    set_up(tmp_path, root=root)
    (tmp_path / "toolgate.yaml").write_text(CONFIG)
    (tmp_path / "keys.json").write_bytes(key_set(public_jwk(EC_KEY, kid="k1", alg="ES256")))
    policy = tmp_path / "policies" / "alice.cedar"
    policy.write_text(policy.read_text().replace("dev|", "corp|"))
    return tmp_path


def token(client: str = "edge-client", **changes: Any) -> str:
    """What the issuer gives `client`, in the machine's time."""
    now = int(time.time())  # noqa: TID251 - the decision point asks the machine's clock too
    claims = {"iss": ISSUER, "aud": PDP, "sub": client, "client_id": client, "iat": now, "exp": now + 300} | changes
    return jwt.encode(claims, EC_KEY, algorithm="ES256", headers={"typ": "at+jwt", "kid": "k1"})


async def enforcer(pdp: Pdp, endpoint: TokenEndpoint, *tokens: str) -> DecisionPoint:
    endpoint.tokens[:] = tokens
    credentials = {"client_id": "edge-client", "client_secret": "s3cret", "token_endpoint": f"{endpoint.url}/token"}
    gateway = {"pdp": [pdp.address], "pdp_credentials": credentials, "pdp_timeout": "10s"}
    text = json.dumps({"version": 1, "gateway": gateway})
    return await open_decision_point(load(text, file="t", environ={}).settings, base=pdp.base)


def ask(tool: str = "git/git_log") -> EvaluationRequest:
    return EvaluationRequest(
        SUBJECT, Action("tools/call"), Resource("tool", tool), {"arguments": {"repo_path": "/srv"}}
    )


async def test_an_enforcer_asks_lists_records_and_reads_with_tokens_of_its_own(
    base: Path, endpoint: TokenEndpoint
) -> None:
    shown = token()
    with running(base) as pdp:
        point = await enforcer(pdp, endpoint, shown)
        response, _ = await point.decide(ask())
        assert (response.decision, response.context.toolgate.revocations) == (True, 0)
        found = await point.search(ResourceSearchRequest(SUBJECT, Action("tools/call"), ResourceKind("tool")))
        assert [one.id for one in found.results] == ["git/git_log"]
        catalog = await point.catalog((await point.catalog_head(using=None)).digest)
        assert catalog.servers() == {"git"}
        await point.deliver([seal(decision(1, writer="edge", server="git")).content], heads=())
        # What is another's is refused, whatever is asked of it.
        with pytest.raises(DecisionError) as refused:
            await point.decide(ask("files/read_file"))
        assert (refused.value.code, "403" in refused.value.detail) == (ReasonCode.PDP_UNREACHABLE, True)
        for record in (decision(2, writer="edge", server="files"), decision(3, writer="other", server="git")):
            with pytest.raises(RecordsRefusedError):
                await point.deliver([seal(record).content], heads=())
        await point.aclose()
        assert len(endpoint.forms) == 1
        pdp.stop()
        pdp.until("pdp_stopped")
        assert [event["enforcer"] for event in pdp.seen if event["event"] == "enforcer_fenced"] == ["edge", "edge"]
        assert shown not in msgspec.json.encode(pdp.seen).decode()


async def test_tokens_of_others_are_none_and_a_good_one_after_them_is_taken(
    base: Path, endpoint: TokenEndpoint
) -> None:
    bad = [
        token(aud="https://gateway.example.com/mcp"),
        token(exp=int(time.time()) - 60),  # noqa: TID251
        token(sub="alice"),
        token(act={"sub": "edge-client"}),
        token(client_id="other-client"),
        token("nobody"),
        token()[:-8],
    ]
    with running(base) as pdp:
        for shown in bad:
            point = await enforcer(pdp, endpoint, shown)
            with pytest.raises(DecisionError) as refused:
                await point.decide(ask())
            assert "credential is not taken" in refused.value.detail
            assert shown not in refused.value.detail
            await point.aclose()
        point = await enforcer(pdp, endpoint, token())
        assert (await point.decide(ask()))[0].decision is True
        await point.aclose()
