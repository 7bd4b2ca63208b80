import ipaddress
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.hosting.address import Exposure
from pdp.tokens.fetch.endpoint import read_endpoint
from pdp.tokens.fetch.fetcher import Fetcher, FetchLimits
from pdp.tokens.fetch.reach import Reach, SystemResolver
from pdp.tokens.fetch.unavailable import UnavailableError
from tests.unit.tokens.fetch.serving import Authority, Names, fixed, serving

LIMITS = FetchLimits(seconds=20, max_bytes=10_000)
HERE = ipaddress.ip_network("127.0.0.0/8")
NAME = "login.example.com"


def reached(*addresses: str, exposure: Exposure = Exposure.NETWORK, private: tuple[str, ...] = ()) -> list[str]:
    reach = Reach(map(ipaddress.ip_network, private))
    return [str(address) for address in reach.within(map(ipaddress.ip_address, addresses), exposure=exposure)]


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_may_be_reached(address: str) -> None:
    assert reached(address) == [address]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "::ffff:127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_no_other_address_may_be_reached_unless_it_is_listed(address: str) -> None:
    with pytest.raises(UnavailableError, match="no address that may be connected to"):
        reached(address)
    listed = address.partition("%")[0]
    assert reached(address, private=(listed,)) == [str(ipaddress.ip_address(address))]


def test_of_several_addresses_only_those_that_may_be_are_left() -> None:
    assert reached("10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111") == ["8.8.8.8", "2606:4700::1111"]


def test_what_is_configured_on_this_machine_leads_nowhere_else() -> None:
    assert reached("127.0.0.1", "8.8.8.8", "::1", exposure=Exposure.LOOPBACK) == ["127.0.0.1", "::1"]
    with pytest.raises(UnavailableError):
        reached("10.0.0.1", "8.8.8.8", exposure=Exposure.LOOPBACK, private=("10.0.0.0/8",))


@given(st.ip_addresses())
def test_nothing_that_the_standard_library_calls_local_is_public_here(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast:
        with pytest.raises(UnavailableError):
            reached(str(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost./",
        "https://[::]/",
        "https://0/",
        "https://\uff11\uff12\uff17.0.0.1/",
    ],
)
async def test_this_machine_under_another_spelling_is_not_reached(url: str) -> None:
    with pytest.raises(UnavailableError, match=r"no address that may be connected to|cannot be (resolved|read)"):
        await Fetcher().get(read_endpoint(url), limits=LIMITS)


async def test_a_name_that_leads_to_a_private_address_is_not_asked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(fixed(b"{}"), tls=authority.server(NAME)) as (port, requests):
        fetcher = Fetcher(resolver=Names(["127.0.0.1"]), tls=authority.trust())
        with pytest.raises(UnavailableError, match="no address that may be connected to"):
            await fetcher.get(read_endpoint(f"https://{NAME}:{port}/"), limits=LIMITS)
    assert requests == []


async def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_connected_to(tmp_path: Path) -> None:
    authority, names = Authority(tmp_path), Names(["127.0.0.1", "127.0.0.9"], ["10.1.2.3"])
    async with serving(fixed(b"{}"), tls=authority.server(NAME)) as (port, requests):
        fetcher = Fetcher(private_networks=[HERE], resolver=names, tls=authority.trust())
        endpoint = read_endpoint(f"https://{NAME}:{port}/jwks")
        assert await fetcher.get(endpoint, limits=LIMITS) == b"{}"
        assert names.asked == [NAME]
        assert f"host: {NAME}:{port}" in requests[0].lower()
        with pytest.raises(UnavailableError, match="no address that may be connected to"):
            await fetcher.get(endpoint, limits=LIMITS)


async def test_a_redirect_is_checked_anew(tmp_path: Path) -> None:
    authority, names = Authority(tmp_path), Names(["127.0.0.1"], ["169.254.169.254"])
    moved = fixed(b"", status="302 Found", headers="location: /latest\r\n")
    async with serving(moved, tls=authority.server(NAME)) as (port, requests):
        fetcher = Fetcher(private_networks=[HERE], resolver=names, tls=authority.trust())
        with pytest.raises(UnavailableError, match="no address that may be connected to"):
            await fetcher.get(read_endpoint(f"https://{NAME}:{port}/"), limits=LIMITS)
    assert len(requests) == 1


async def test_an_address_where_nobody_answers_leads_to_the_next(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(fixed(b"{}"), tls=authority.server(NAME)) as (port, _):
        names = Names(["127.0.0.9", "127.0.0.8", "127.0.0.1"])
        fetcher = Fetcher(private_networks=[HERE], resolver=names, tls=authority.trust())
        assert await fetcher.get(read_endpoint(f"https://{NAME}:{port}/"), limits=LIMITS) == b"{}"


@pytest.mark.parametrize(("name", "days"), [("other.example.com", 36_500), ("example.com", 36_500), (NAME, 1)])
async def test_a_certificate_for_another_name_or_time_is_not_believed(tmp_path: Path, name: str, days: int) -> None:
    authority = Authority(tmp_path)
    async with serving(fixed(b"{}"), tls=authority.server(name, days=days)) as (port, requests):
        fetcher = Fetcher(private_networks=[HERE], resolver=Names(["127.0.0.1"]), tls=authority.trust())
        with pytest.raises(UnavailableError, match="cannot be reached: ConnectError"):
            await fetcher.get(read_endpoint(f"https://{NAME}:{port}/"), limits=LIMITS)
    assert requests == []


async def test_a_certificate_of_another_authority_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    for tls in (Authority(tmp_path / "other").trust(), ssl.create_default_context()):
        async with serving(fixed(b"{}"), tls=Authority(tmp_path).server(NAME)) as (port, requests):
            fetcher = Fetcher(private_networks=[HERE], resolver=Names(["127.0.0.1"]), tls=tls)
            with pytest.raises(UnavailableError, match="cannot be reached: ConnectError"):
                await fetcher.get(read_endpoint(f"https://{NAME}:{port}/"), limits=LIMITS)
        assert requests == []


async def test_the_system_knows_literal_addresses_and_this_machine() -> None:
    resolver = SystemResolver()
    assert await resolver.addresses("192.0.2.7", port=443) == (ipaddress.ip_address("192.0.2.7"),)
    assert await resolver.addresses("::1", port=443) == (ipaddress.ip_address("::1"),)
    assert all(address.is_loopback for address in await resolver.addresses("localhost", port=80))


@pytest.mark.parametrize("host", ["a" * 64 + ".example.com", "no-such-name.invalid"])
async def test_a_name_that_cannot_be_resolved_is_unavailable(host: str) -> None:
    with pytest.raises(UnavailableError, match="cannot be resolved"):
        await Fetcher().get(read_endpoint(f"https://{host}/"), limits=LIMITS)
