"""Whatever a client writes into a header to which a listed proxy adds, no address but the client's own comes out."""

from hypothesis import example, given
from hypothesis import strategies as st

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.gateway import AddressSource
from pdp.hosting.client_address import ClientAddresses
from pdp.hosting.networks import Networks, read_address
from pdp.hosting.proxy_protocol import ProxyHeader, ProxyHeaderError, Said, read_proxy_header

PROXIES = Networks.of(["10.0.0.0/8"])
CLIENT = "198.51.100.9"
PIECES = [
    '"',
    "\\",
    ",",
    ";",
    "=",
    " ",
    "\t",
    "for",
    "FOR=",
    "1.1.1.1",
    "10.0.0.1",
    "[::1]",
    ":80",
    "a",
    "_",
    "\x00",
    "é",
]
WRITTEN = st.lists(st.sampled_from(PIECES) | st.characters(max_codepoint=0xFF), max_size=12).map("".join)
NODES = [
    f"for={CLIENT}",
    f'for="{CLIENT}:4711"',
    f'for={CLIENT};proto=https;host="gate.test"',
    f'by=10.0.0.5;for="{CLIENT}"',
]


def found(source: AddressSource, *said: str) -> str:
    try:
        return str(ClientAddresses(source, PROXIES).of("10.0.0.5", said=said))
    except Refused as refused:
        return str(refused.code)


@given(WRITTEN, st.sampled_from([", ", ","]), st.sampled_from(["", ", 10.0.0.7"]))
@example("1.1.1.1", ", ", ", 10.0.0.7")
def test_x_forwarded_for_gives_who_connected_to_the_first_listed_proxy(written: str, comma: str, between: str) -> None:
    assert found(AddressSource.X_FORWARDED_FOR, f"{written}{comma}{CLIENT}{between}") == CLIENT
    assert found(AddressSource.X_FORWARDED_FOR, written, f"{CLIENT}{between}") == CLIENT


@given(WRITTEN, st.sampled_from([", ", ","]), st.sampled_from(NODES), st.sampled_from(["", ", for=10.0.0.7"]))
@example('for=1.1.1.1;a="', ",", NODES[2], "")
@example("for=1.1.1.1;a=\\", ", ", NODES[1], "")
def test_forwarded_gives_who_connected_to_the_first_listed_proxy_or_nobody(
    written: str, comma: str, node: str, between: str
) -> None:
    assert found(AddressSource.FORWARDED, f"{written}{comma}{node}{between}") in {CLIENT, ReasonCode.ADDRESS_REFUSED}
    assert found(AddressSource.FORWARDED, written, f"{node}{between}") in {CLIENT, ReasonCode.ADDRESS_REFUSED}


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 1.2.3.4 ", b"\r\n\r\n\x00\r\nQUIT\n\x21"])
)
def test_any_bytes_are_a_header_or_its_beginning_or_refused(rest: bytes, start: bytes) -> None:
    try:
        header = read_proxy_header(start + rest)
    except ProxyHeaderError:
        return
    match header:
        case ProxyHeader(size=size, said=Said.RELAYED, client=client):
            assert client is not None
            assert (str(read_address(client[0])), size <= len(start + rest)) == (client[0], True)
        case ProxyHeader(client=client):
            assert client is None
        case None:
            assert len(start + rest) < 4112
