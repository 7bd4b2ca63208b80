"""A second implementation, not in Node, at a gateway that believes two providers at once."""

from collections.abc import Iterator

import pytest

from tests.conftest import Require
from tests.flow.identity.glewlwyd import CLIENT, INSTALL, Glewlwyd, glewlwyd, root
from tests.flow.identity.provider import Provider
from tests.flow.identity.scene import LOG, STATUS, open_gateway, outcome, scene
from tests.flow.product import Product

pytestmark = pytest.mark.timeout(240)

OTHER = "https://other.test/mcp"


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with scene(tmp_path_factory.mktemp("second")) as made:
        yield made


@pytest.fixture(scope="module")
def library(laid: Product, require: Require) -> Iterator[Glewlwyd]:
    require(root(), reason=f"no `glewlwyd` here: {INSTALL}")
    with glewlwyd(laid.folder, resources=[laid.mcp, OTHER]) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(laid: Product, corp: Provider, library: Glewlwyd) -> Product:
    return open_gateway(
        laid,
        {"alias": "corp", "issuer": corp.issuer},
        {"alias": "library", "issuer": library.issuer, "algorithms": ["RS256"]},
    )


def test_its_client_is_an_agent_under_its_own_alias(library: Glewlwyd, gateway: Product) -> None:
    token = library.own_token(resource=gateway.mcp)
    assert [outcome(gateway, token, call) for call in (STATUS, LOG)] == ["allowed", "no_policy_allows"]
    newest = gateway.records("--tool", "git_log")[-1]
    assert (newest["principal_type"], newest["principal"]) == ("agent", f"library|{CLIENT}")


def test_its_people_are_users_under_its_own_alias(library: Glewlwyd, gateway: Product) -> None:
    token = library.user_token(resource=gateway.mcp)
    assert [outcome(gateway, token, call) for call in (STATUS, LOG)] == ["allowed", "no_policy_allows"]
    newest = gateway.records("--tool", "git_log")[-1]
    assert (newest["principal_type"], newest["principal"].split("|")[0]) == ("user", "library")
    assert newest["actor"] == f"library|{CLIENT}"


def test_its_token_for_another_resource_is_refused(library: Glewlwyd, gateway: Product) -> None:
    for token in (library.own_token(resource=OTHER), library.user_token(resource=OTHER)):
        assert outcome(gateway, token, STATUS) == "401 audience_mismatch"


def test_a_token_whose_audience_is_its_scopes_is_refused(library: Glewlwyd, gateway: Product) -> None:
    assert outcome(gateway, library.password_token(resource=gateway.mcp), STATUS) == "401 audience_mismatch"


def test_the_other_provider_is_believed_beside_it(corp: Provider, library: Glewlwyd, gateway: Product) -> None:
    assert outcome(gateway, corp.user_token("alice", resource=gateway.mcp)) == "allowed"
    assert outcome(gateway, library.own_token(resource=gateway.mcp), STATUS) == "allowed"
