from pathlib import Path

import pytest

from pdp.core.contract.errors import ConfigurationError
from pdp.hosting.address import Exposure, TcpAddress, UnixAddress, host_exposure, listen_address


@pytest.mark.parametrize(
    ("text", "address", "exposure"),
    [
        ("127.0.0.1:8181", TcpAddress("127.0.0.1", 8181), Exposure.LOOPBACK),
        ("127.9.9.9:0", TcpAddress("127.9.9.9", 0), Exposure.LOOPBACK),
        ("localhost:80", TcpAddress("localhost", 80), Exposure.LOOPBACK),
        ("[::1]:8181", TcpAddress("::1", 8181), Exposure.LOOPBACK),
        ("0.0.0.0:8181", TcpAddress("0.0.0.0", 8181), Exposure.NETWORK),
        ("[::]:8181", TcpAddress("::", 8181), Exposure.NETWORK),
        ("pdp.internal:65535", TcpAddress("pdp.internal", 65535), Exposure.NETWORK),
        ("unix:/run/pdp.sock", UnixAddress(Path("/run/pdp.sock")), Exposure.LOOPBACK),
    ],
)
def test_an_address_is_read_and_its_exposure_known(text: str, address: object, exposure: Exposure) -> None:
    read = listen_address(text, setting="pdp.listen")
    assert (read, read.exposure, str(read)) == (address, exposure, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8181",
        ":8181",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "h:65536",
        "h:-1",
        "h:\u0661",
        "::1:80",
        "unix:",
        "unix:rel",
    ],
)
def test_what_is_no_address_is_a_problem_of_its_setting(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        listen_address(text, setting="pdp.listen")
    assert [(problem.file, problem.code) for problem in caught.value.problems] == [("pdp.listen", "listen_invalid")]


@pytest.mark.parametrize(
    "host", ["LOCALHOST", "localhost.", "localhost.evil.example.com", "127.1", "2130706433", "", "10.0.0.1"]
)
def test_only_what_is_surely_loopback_counts_as_such(host: str) -> None:
    assert host_exposure(host) is Exposure.NETWORK
