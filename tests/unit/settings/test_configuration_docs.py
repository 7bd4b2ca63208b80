import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from pdp.core.settings.load import load
from pdp.core.settings.model import Settings
from pdp.core.settings.shape import item_kind, members, value_kind

ROW = re.compile(r"\| `(?P<name>[^`]+)` \| (?:`(?P<default>[^`]*)`)? ?\| (?P<meaning>.+) \|")
OVERRIDE = re.compile(r"^(TOOLGATE__\S+?)=('[^']*'|\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def docs(root: Path) -> str:
    return (root / "docs" / "configuration.md").read_text()


def settings_below(kind: Any, path: str) -> Iterator[tuple[str, str | None]]:
    """Each setting's name in the docs and its default as text, None where it is required."""
    for name, inner in (members(kind) or {}).items():
        field = kind.model_fields[name]
        here = f"{path}.{name}" if path else name
        section = members(inner) is not None
        if not section or not isinstance(field.get_default(), BaseModel):
            yield here, None if field.is_required() else spelled_default(field.get_default())
        if section:
            yield from settings_below(inner, here)
        elif members(value_kind(inner)):
            yield from settings_below(value_kind(inner), f"{here}.<name>")
        elif members(item_kind(inner)):
            yield from settings_below(item_kind(inner), f"{here}[]")


def spelled_default(value: object) -> str:
    return str(value) if isinstance(value, str | Path) else json.dumps(value)


def test_every_setting_is_documented_with_its_default_and_nothing_else_is(docs: str) -> None:
    rows = {match["name"]: match["default"] for match in ROW.finditer(docs) if match["name"] != "setting"}
    assert rows == dict(settings_below(Settings, ""))


def test_the_documented_overrides_work(docs: str) -> None:
    environ = {name: value.strip("'") for name, value in OVERRIDE.findall(docs) if "SECTION" not in name}
    text = "version: 1\nmcpServers: {my-git: {command: g, args: [--repository, .]}, files: {url: https://files/mcp}}\n"
    found = load(text, file="toolgate.yaml", environ=environ).settings
    assert len(environ) == 4
    assert (found.gateway.max_staleness, len(found.gateway.pdp)) == (5.0, 2)
    assert found.mcpServers["my-git"].args == ["--repository", "/srv/repository"]
    assert found.mcpServers["files"].headers == {"X-Team": "blue"}
