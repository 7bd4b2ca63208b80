import pytest

from pdp.core.contract.checked_call import CheckedCall, normalise
from pdp.core.contract.errors import MessageError
from pdp.core.contract.message import Request

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_call_keeps_its_name_arguments_and_trace() -> None:
    meta = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    request = Request(4, "tools/call", {"name": "git__git_log", "arguments": {"n": 1}, "_meta": meta})
    assert normalise(request) == CheckedCall("git__git_log", {"n": 1}, 4, TRACE, meta)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": ""},
        {"name": 7},
        {"name": None},
        {"name": "a", "arguments": None},
        {"name": "a", "arguments": []},
        {"name": "a", "_meta": 1},
        {"name": "a", "task": {}},
        {"name": "a", "inputResponses": {}},
        {"name": "a", "requestState": "x"},
        {"name": "a", "Arguments": {}},
    ],
)
def test_a_member_that_is_not_decided_on_is_refused_not_dropped(params: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        normalise(Request(1, "tools/call", params))


@pytest.mark.parametrize("value", [7, "", "00-xyz-1-1", f"00-{TRACE.upper()}-1-1", "\n", f"00-{TRACE}"])
def test_a_malformed_trace_parent_is_no_trace(value: object) -> None:
    assert normalise(Request(1, "tools/call", {"name": "a", "_meta": {"traceparent": value}})).trace_id is None
