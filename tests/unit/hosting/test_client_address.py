import pytest

from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.settings.gateway import AddressSource
from pdp.hosting.client_address import ClientAddresses
from pdp.hosting.networks import Networks

PROXIES = Networks.of(["10.0.0.0/8", "2001:db8:aaaa::/48", "192.0.2.1"])


def found(source: AddressSource, peer: str | None, *said: str) -> str:
    return str(ClientAddresses(source, PROXIES).of(peer, said=said))


def refusal(source: AddressSource, peer: str | None, *said: str) -> Refused:
    with pytest.raises(Refused) as caught:
        ClientAddresses(source, PROXIES).of(peer, said=said)
    return caught.value


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:DB8:0:0::5", "2001:db8::5"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_the_peer_s_address_has_one_form(peer: str, address: str) -> None:
    assert found(AddressSource.PEER, peer, "198.51.100.9") == address


@pytest.mark.parametrize("source", list(AddressSource))
@pytest.mark.parametrize("peer", [None, "", "nowhere", "10.0.0.256"])
def test_a_connection_from_nowhere_is_refused(source: AddressSource, peer: str | None) -> None:
    assert refusal(source, peer, "198.51.100.9").code is ReasonCode.ADDRESS_REFUSED


@pytest.mark.parametrize("source", [AddressSource.FORWARDED, AddressSource.X_FORWARDED_FOR])
@pytest.mark.parametrize("said", ["198.51.100.9", "for=198.51.100.9", "", "garbage\xa0"])
def test_who_is_not_listed_is_believed_nothing(source: AddressSource, said: str) -> None:
    assert found(source, "203.0.113.5", said) == "203.0.113.5"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (["198.51.100.9"], "198.51.100.9"),
        (["1.1.1.1, 198.51.100.9"], "198.51.100.9"),
        (["1.1.1.1", "198.51.100.9"], "198.51.100.9"),
        (["1.1.1.1, 198.51.100.9, 10.9.9.9, 192.0.2.1"], "198.51.100.9"),
        (["1.1.1.1,\t198.51.100.9 ", " 10.9.9.9"], "198.51.100.9"),
        (["10.0.0.7, 198.51.100.9, 10.9.9.9"], "198.51.100.9"),
        (["10.0.0.7, 10.9.9.9"], "10.0.0.7"),
        (["198.51.100.9:4711"], "198.51.100.9"),
        (["[2001:db8::9]:4711"], "2001:db8::9"),
        (["[2001:db8::9]"], "2001:db8::9"),
        (["2001:db8::9, 2001:db8:aaaa::1"], "2001:db8::9"),
        (["::ffff:198.51.100.9, ::ffff:10.0.0.9"], "198.51.100.9"),
        (["unknown, _x, \x00, 198.51.100.9, 10.0.0.9"], "198.51.100.9"),
        (["198.51.100.9, 192.0.2.2"], "192.0.2.2"),
    ],
)
def test_x_forwarded_for_is_walked_from_the_right_over_listed_proxies(said: list[str], address: str) -> None:
    assert found(AddressSource.X_FORWARDED_FOR, "10.0.0.5", *said) == address


@pytest.mark.parametrize(
    "said",
    [
        [],
        [""],
        ["198.51.100.9, "],
        ["198.51.100.9,,10.0.0.9"],
        ["198.51.100.9, unknown"],
        ["198.51.100.9, unknown, 10.0.0.9"],
        ["198.51.100.9", "_hidden"],
        ["198.51.100.9 10.0.0.9"],
        ["198.51.100.09"],
        ["0x7f.1"],
        ["127.1"],
        ["3221226000"],
        ["1.2.3.4.5"],
        ["1.2.3.4/32"],
        ["[1.2.3.4]"],
        ["[2001:db8::9"],
        ["[fe80::1%eth0]"],
        ["fe80::1%eth0"],
        ["2001:db8::9]:1"],
        ["1.2.3.4:123456"],
        ["1.2.3.4:"],
        ["\xa01.2.3.4"],
        ["\uff11.2.3.4"],
        ['"1.2.3.4"'],
        ["for=1.2.3.4"],
        ["localhost"],
    ],
)
def test_a_listed_proxy_that_does_not_say_it_in_x_forwarded_for_is_refused(said: list[str]) -> None:
    refused = refusal(AddressSource.X_FORWARDED_FOR, "10.0.0.5", *said)
    assert refused.code is ReasonCode.ADDRESS_REFUSED
    assert refused.caller_text == "requests from this address are not accepted"
    assert "`10.0.0.5`" in refused.detail


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (["for=198.51.100.9"], "198.51.100.9"),
        (["For=198.51.100.9;proto=https;by=10.0.0.5"], "198.51.100.9"),
        (["for=1.1.1.1, for=198.51.100.9"], "198.51.100.9"),
        (["for=1.1.1.1", "for=198.51.100.9 , for=10.0.0.9"], "198.51.100.9"),
        (['for="198.51.100.9:4711"'], "198.51.100.9"),
        (['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"),
        (['for="[2001:db8:cafe::17]:_port"; proto=http'], "2001:db8:cafe::17"),
        (['for="\\1\\9\\8.51.100.9"'], "198.51.100.9"),
        (["for=unknown, for=198.51.100.9"], "198.51.100.9"),
        ([", ,for=198.51.100.9,,"], "198.51.100.9"),
        (['host="a,b;for=1.1.1.1";for=198.51.100.9'], "198.51.100.9"),
        (["for=10.0.0.7, for=10.0.0.9"], "10.0.0.7"),
    ],
)
def test_forwarded_is_walked_from_the_right_over_listed_proxies(said: list[str], address: str) -> None:
    assert found(AddressSource.FORWARDED, "10.0.0.5", *said) == address


@pytest.mark.parametrize(
    "said",
    [
        [],
        [""],
        [","],
        ["proto=https"],
        ["for=198.51.100.9, proto=https"],
        ["for=unknown"],
        ["for=_hidden"],
        ["for=198.51.100.9, for=_SEVKISEK"],
        ["for=198.51.100.9:4711"],
        ["for=[2001:db8::9]"],
        ['for="2001:db8::9"'],
        ['for="[fe80::1%25eth0]"'],
        ["for=1.1.1.1;for=198.51.100.9"],
        ["for=1.1.1.1;FOR=198.51.100.9"],
        ['for="198.51.100.9'],
        ['for="x, for=198.51.100.9'],
        ['for=1.1.1.1;a=", for=198.51.100.9;host="gw"'],
        ['for=1.1.1.1;a=", for="[2001:db8::9]"'],
        ['for="x', 'for=198.51.100.9"'],
        ["for= 198.51.100.9"],
        ["for =198.51.100.9"],
        ["for=198.51.100.9 for=1.1.1.1"],
        ["198.51.100.9"],
        ["for=\xa0198.51.100.9"],
        ["for=198.51.100.9\x00"],
        ['for="198.51.100.9\n"'],
        ["for=198.51.100.9\n"],
    ],
)
def test_a_listed_proxy_that_does_not_say_it_in_forwarded_is_refused(said: list[str]) -> None:
    assert refusal(AddressSource.FORWARDED, "10.0.0.5", *said).code is ReasonCode.ADDRESS_REFUSED


def test_a_long_value_is_read_in_one_pass() -> None:
    for said in [" " * 60_000 + "x", 'for="' + "\\" * 60_000, "a=b;" * 15_000 + "\x00", "," * 60_000]:
        assert refusal(AddressSource.FORWARDED, "10.0.0.5", said).code is ReasonCode.ADDRESS_REFUSED


def test_one_source_is_read_and_no_other() -> None:
    assert ClientAddresses(AddressSource.FORWARDED, PROXIES).header == "Forwarded"
    assert ClientAddresses(AddressSource.X_FORWARDED_FOR, PROXIES).header == "X-Forwarded-For"
    assert ClientAddresses(AddressSource.PROXY_PROTOCOL, PROXIES).header is None
    assert ClientAddresses().header is None
    assert found(AddressSource.PROXY_PROTOCOL, "10.0.0.5", "198.51.100.9") == "10.0.0.5"


def test_networks_hold_what_is_in_them_and_without_any_nothing() -> None:
    address = ClientAddresses().of("10.1.2.3", said=[])
    assert address in Networks.of(["10.1.2.0/24"])
    assert address not in Networks.of(["10.1.3.0/24", "::/0"])
    assert address not in Networks()
    with pytest.raises(ValueError, match="host bits"):
        Networks.of(["10.1.2.3/24"])
