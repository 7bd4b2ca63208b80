import re
from pathlib import Path

from enforcers.gateway.protocol import LEGACY_VERSIONS, MODERN_VERSIONS
from pdp.core.contract.method import METHODS


def test_every_event_that_the_gateway_logs_is_documented(root: Path) -> None:
    sources = [*root.glob("enforcers/gateway/**/*.py"), *root.glob("enforcers/cli/*.py")]
    logged = {
        event
        for source in sources
        for event in re.findall(r'log\.(?:info|warning|error|exception)\(\s*"(\w+)"', source.read_text())
    }
    text = (root / "docs" / "gateway.md").read_text()
    assert [event for event in sorted(logged) if f"`{event}`" not in text] == []


def test_every_revision_and_method_is_documented(root: Path) -> None:
    text = (root / "docs" / "gateway.md").read_text()
    assert [version for version in (*MODERN_VERSIONS, *LEGACY_VERSIONS) if version not in text] == []
    assert [method for method in METHODS if f"`{method}`" not in text] == []
