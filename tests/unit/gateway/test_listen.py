import pytest

from enforcers.cli.wrap import server_name
from enforcers.gateway.listen import allowed_hosts, tcp_address
from enforcers.gateway.transports.protected_resource import ProtectedResource
from pdp.core.contract.errors import ConfigurationError
from pdp.hosting.address import TcpAddress


def test_loopback_is_addressed_by_its_names_at_its_port() -> None:
    found = allowed_hosts(TcpAddress("127.0.0.1", 8080), resource=None, configured=[])
    assert found == {"127.0.0.1:8080", "localhost:8080", "[::1]:8080"}


def test_the_resource_s_host_is_ours() -> None:
    found = allowed_hosts(TcpAddress("0.0.0.0", 80), resource="https://Gate.test/mcp", configured=["Other.test:80"])
    assert found == {"gate.test", "other.test:80"}


def test_off_loopback_a_name_must_be_given() -> None:
    with pytest.raises(ConfigurationError, match="allowed_hosts_missing"):
        allowed_hosts(TcpAddress("0.0.0.0", 80), resource=None, configured=[])


def test_the_gateway_listens_on_tcp() -> None:
    assert tcp_address("[::1]:8080") == TcpAddress("::1", 8080)
    with pytest.raises(ConfigurationError, match="listen_invalid"):
        tcp_address("unix:/run/toolgate.sock")


@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("https://gate.test/mcp", "https://gate.test/.well-known/oauth-protected-resource/mcp"),
        ("https://gate.test", "https://gate.test/.well-known/oauth-protected-resource"),
        ("https://gate.test/a/b/", "https://gate.test/.well-known/oauth-protected-resource/a/b"),
    ],
)
def test_the_metadata_is_where_rfc_9728_puts_it(resource: str, url: str) -> None:
    assert ProtectedResource(resource, []).metadata_url == url


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("mcp-server-git --repository .", "git"),
        ("/usr/bin/mcp-server-time", "time"),
        ("npx -y @modelcontextprotocol/server-filesystem@2026.8.31 /srv", "filesystem"),
        ("python3.12 -m mcp_server_git", "git"),
        ("uvx mcp-server-fetch", "fetch"),
        ("uv tool run My.Server", "my-server"),
        ("node", "node"),
        ("/bin/Ünï", "n"),
    ],
)
def test_a_wrapped_server_is_called_after_its_program(command: str, name: str) -> None:
    assert server_name(command.split()) == name
