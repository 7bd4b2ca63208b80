"""Identity providers that the tests here share."""

from collections.abc import Iterator

import pytest

from tests.conftest import Require
from tests.flow.identity.provider import INSTALL, Provider, is_installed, provider


@pytest.fixture(scope="module")
def corp(require: Require) -> Iterator[Provider]:
    require(is_installed(), reason=f"no identity provider here: {INSTALL}")
    with provider() as running:
        yield running
