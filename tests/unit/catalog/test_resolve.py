"""What a tool is decided as, by the definition that its server offers now."""

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.entries.entry import Entries, Selection, ServerEntry, ToolEntry
from pdp.core.catalog.tool import Mark, RiskLevel, Tool, Undeclared
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode

TOOL = Tool(server="git", name="log", pin="sha256:1", input_schema={"type": "object"}, risk=RiskLevel.LOW)
LOOSE = Tool(server="dev", name="log", pin="sha256:1", input_schema={"type": "object"})
CATALOG = Catalog(
    [TOOL, LOOSE],
    entries=Entries(
        servers={
            "git": ServerEntry(),
            "dev": ServerEntry(
                tenant="c|t",
                trusted=True,
                risk=RiskLevel.LOW,
                scopes=("dev",),
                unsafe_unpinned=True,
                tools={"admin_*": ToolEntry(scopes=("admin",), arguments={"key": Mark.SECRET})},
            ),
        },
        toolsets={"lab": Selection(("dev/*",), ("*/admin_*",)), "git": Selection(("git/*",))},
        tags={"odd": Selection(("*/a*",))},
    ),
)


def refused(tool_id: str, offered: str | None) -> ReasonCode:
    with pytest.raises(Refused) as error:
        CATALOG.resolve(tool_id, offered=offered)
    return error.value.code


def test_a_tool_that_is_offered_as_approved_is_pinned() -> None:
    assert CATALOG.resolve("git/log", offered="sha256:1") is CATALOG.find("git/log")


def test_where_nobody_looked_the_tool_is_as_approved_and_not_pinned() -> None:
    found = CATALOG.resolve("git/log", offered=None)
    assert (found.pinned, found.digest, found.risk) == (False, "sha256:1", RiskLevel.LOW)


def test_a_tool_that_changed_is_refused() -> None:
    assert refused("git/log", "sha256:2") is ReasonCode.TOOL_CHANGED


@pytest.mark.parametrize("tool_id", ["git/new", "gti/log", "git", "", "/", "/log"])
def test_a_tool_that_nobody_approved_is_refused(tool_id: str) -> None:
    assert refused(tool_id, "sha256:2") is ReasonCode.TOOL_UNKNOWN
    assert refused(tool_id, None) is ReasonCode.TOOL_UNKNOWN


def test_of_an_unpinned_server_a_changed_tool_is_decided_on_and_not_pinned() -> None:
    found = CATALOG.resolve("dev/log", offered="sha256:2")
    assert (found.pinned, found.pin, found.digest) == (False, "sha256:1", "sha256:2")


def test_of_an_unpinned_server_a_tool_that_nobody_approved_has_what_globs_say_and_no_arguments() -> None:
    found = CATALOG.resolve("dev/admin_reset", offered="sha256:2")
    assert found == Tool(
        server="dev",
        name="admin_reset",
        pin="",
        input_schema={"type": "object"},
        trusted=True,
        tenant="c|t",
        marks={"key": Mark.SECRET},
        undeclared=Undeclared.ALLOW,
        risk=RiskLevel.UNRATED,
        tags=("odd",),
        scopes=("admin", "dev"),
        pinned=False,
        offered="sha256:2",
    )
    assert CATALOG.resolve("dev/new", offered=None).toolsets == ("lab",)


@pytest.mark.parametrize("name", ["", "a" * 257, "a\x00", "a\u200b", "a\u202e", "\ud800", "a\nb", "\U000e0041"])
def test_no_name_that_cannot_be_seen_is_taken_for_a_tool(name: str) -> None:
    assert refused(f"dev/{name}", "sha256:2") is ReasonCode.TOOL_UNKNOWN


def test_a_flood_of_unknown_names_is_not_held() -> None:
    catalog = Catalog([], entries=Entries(servers={"dev": ServerEntry(unsafe_unpinned=True)}))
    for number in range(3_000):
        assert catalog.resolve(f"dev/{number}", offered=None).name == str(number)
    assert len(catalog._strays) <= 1_024
