import pytest

from pdp.core.contract.errors import MessageError
from pdp.core.contract.exact_json import JsonLimits
from pdp.core.contract.message import ErrorAnswer, Message, Notification, Request, Result, read, write

LIMITS = JsonLimits()


@pytest.mark.parametrize(
    "message",
    [
        Request(1, "tools/call", {"name": "a"}),
        Request("x", "ping"),
        Notification("notifications/initialized"),
        Result(7, {"tools": []}),
        ErrorAnswer(7, -32601, "no", {"a": 1}),
        ErrorAnswer(None, -32700, "no"),
    ],
)
def test_a_written_message_reads_back_equal(message: Message) -> None:
    assert read(write(message), limits=LIMITS) == message


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
        b'"x"',
        b"{}",
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        b'{"id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":{},"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":7}',
        b'{"jsonrpc":"2.0","id":1,"method":""}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"result":[]}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}',
        b'{"jsonrpc":"2.0","id":1,"error":7}',
    ],
)
def test_what_is_no_single_message_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError):
        read(raw, limits=LIMITS)


def test_a_refusal_names_the_request_it_answers_where_the_id_could_be_read() -> None:
    with pytest.raises(MessageError) as refused:
        read(b'{"jsonrpc":"2.0","id":"r1","method":"ping","extra":1}', limits=LIMITS)
    assert refused.value.request_id == "r1"
