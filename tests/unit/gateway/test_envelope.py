from typing import Any

import pytest

from enforcers.gateway.envelope import check_modern, era_of
from enforcers.gateway.header import Headers
from enforcers.gateway.protocol import META_CAPABILITIES, META_VERSION, Era, RevisionError
from pdp.core.contract.message import Notification, Request

META = {META_VERSION: "2026-07-28", META_CAPABILITIES: {}}


def request(method: str = "tools/list", *, meta: Any = META, **params: Any) -> Request:
    return Request(1, method, params if meta is None else {**params, "_meta": meta})


def headers(**values: str) -> Headers:
    return Headers([(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()])


@pytest.mark.parametrize(
    ("message", "version", "era"),
    [
        (request(meta=None), None, Era.LEGACY),
        (request(meta={}), None, Era.LEGACY),
        (request(meta=None), "2025-11-25", Era.LEGACY),
        (request(meta=None), "2025-03-26", Era.LEGACY),
        (request(meta=None), "2026-07-28", Era.MODERN),
        (request(meta=None), "2099-01-01", Era.MODERN),
        (request(), None, Era.MODERN),
        (request(), "2025-11-25", Era.MODERN),
        (request(meta="text"), None, Era.LEGACY),
        (Notification("notifications/initialized"), "2025-11-25", Era.LEGACY),
        (Notification("notifications/x"), "2026-07-28", Era.MODERN),
    ],
)
def test_the_era_is_what_message_or_header_say(message: Any, version: str | None, era: Era) -> None:
    assert era_of(message, version_header=version) is era


@pytest.mark.parametrize(
    ("message", "sent", "code"),
    [
        (request(), {"MCP_Protocol_Version": "2026-07-28"}, -32020),
        (request(), {"Mcp_Method": "tools/list"}, -32020),
        (request(), {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/LIST"}, -32020),
        (request(meta=None), {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/list"}, -32602),
        (request(meta=None), {"MCP_Protocol_Version": "2099-01-01"}, -32022),
        (
            request(meta={**META, META_VERSION: "2099-01-01"}),
            {"MCP_Protocol_Version": "2099-01-01", "Mcp_Method": "tools/list"},
            -32022,
        ),
        (
            request(meta={**META, META_VERSION: 7}),
            {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/list"},
            -32020,
        ),
        (
            request(meta={META_VERSION: "2026-07-28"}),
            {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/list"},
            -32602,
        ),
        (
            request("tools/call", name="a"),
            {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/call"},
            -32020,
        ),
        (Notification("notifications/x"), {"MCP_Protocol_Version": "2099-01-01"}, -32022),
    ],
)
def test_the_first_broken_rule_is_named_by_its_code(message: Any, sent: dict[str, str], code: int) -> None:
    with pytest.raises(RevisionError) as caught:
        check_modern(message, headers=headers(**sent))
    assert caught.value.rpc_code == code


def test_a_well_formed_request_passes() -> None:
    sent = headers(MCP_Protocol_Version="2026-07-28", Mcp_Method="tools/call", Mcp_Name="a")
    check_modern(request("tools/call", name="a"), headers=sent)


def test_a_version_that_is_known_but_legacy_is_not_listed_as_supported_in_meta() -> None:
    sent = headers(MCP_Protocol_Version="2025-11-25", Mcp_Method="tools/list")
    with pytest.raises(RevisionError) as caught:
        check_modern(request(meta={**META, META_VERSION: "2025-11-25"}), headers=sent)
    assert caught.value.data == {
        "supported": ["2026-07-28", "2025-06-18", "2025-03-26"],
        "requested": "2025-11-25",
    }
