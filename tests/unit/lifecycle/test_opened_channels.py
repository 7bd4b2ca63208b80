from pathlib import Path

import pytest

from pdp.bootstrap.bundles import open_source
from pdp.bootstrap.channels import open_archive, open_channel
from pdp.core.contract.errors import ConfigurationError
from pdp.core.settings.bundles import ArchiveSettings, BundleSettings, ChannelSettings
from pdp.core.settings.decision_point import PdpSettings
from pdp.lifecycle.archive_database import DatabaseArchive
from pdp.lifecycle.archive_directory import DirectoryArchive
from pdp.lifecycle.channel_source import ChannelSource
from pdp.lifecycle.http_channel import HttpChannel
from pdp.lifecycle.oci.archive import OciArchive
from pdp.lifecycle.oci.channel import OciChannel
from pdp.server.clock import system_clock
from tests.published import bundle
from tests.raw_server import raw_server, reply

HEAD = bundle(1)[0]


def password(base: Path) -> Path:
    (base / "password").write_text("a-password\n")
    (base / "password").chmod(0o600)
    return Path("password")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://bundles.example/policies", HttpChannel),
        ("http://127.0.0.1:8080/policies", HttpChannel),
        ("oci://registry.example/policies", OciChannel),
        ("oci+http://127.0.0.1:5000/policies", OciChannel),
    ],
)
def test_a_channel_s_url_says_of_which_kind_it_is(tmp_path: Path, url: str, kind: type) -> None:
    made = open_channel(ChannelSettings(url=url), base=tmp_path)
    assert isinstance(made, kind)
    assert made.name == url


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (None, DirectoryArchive),
        ("file:kept", DirectoryArchive),
        ("sqlite:///kept.db", DatabaseArchive),
        ("oci://registry.example/kept", OciArchive),
    ],
)
def test_an_archive_s_url_says_of_which_kind_it_is(tmp_path: Path, url: str | None, kind: type) -> None:
    assert isinstance(open_archive(ArchiveSettings(url=url), base=tmp_path, state=tmp_path / "state"), kind)


@pytest.mark.parametrize("url", ["file:kept", "file:{base}/kept", "file://{base}/kept"])
def test_a_folder_is_relative_to_the_configuration_or_from_the_root(tmp_path: Path, url: str) -> None:
    head, content = bundle(1)
    settings = ArchiveSettings(url=url.format(base=tmp_path))
    open_archive(settings, base=tmp_path, state=tmp_path / "state").put(head.unverified().digest, content, now=1)
    assert (tmp_path / "kept").is_dir()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "http://bundles.example/policies"}, "write `https://`"),
        ({"url": "oci+http://registry.example/policies"}, "`oci://` for a registry"),
        ({"url": "oci://registry.example/"}, "write `oci://HOST/REPOSITORY`"),
        ({"url": "https://carol:hidden@bundles.example/"}, "must not carry credentials"),
        ({"url": "https://bundles.example/?a=1"}, "neither query nor fragment"),
        ({"url": "https://bundles.example/", "user": "carol"}, "needs a `password`"),
        ({"url": "https://bundles.example/", "user": "carol", "password": "open"}, "chmod 600"),
        ({"url": "oci://registry.example/a", "password": "none"}, "there is no file"),
    ],
)
def test_a_channel_that_cannot_be_used_is_refused_with_what_to_do(
    tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    (tmp_path / "open").write_text("a-password")
    (tmp_path / "open").chmod(0o644)
    with pytest.raises(ConfigurationError) as caught:
        open_channel(ChannelSettings.model_validate(settings), base=tmp_path)
    assert told in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert caught.value.problems[0].file == "pdp.bundles.channel"


@pytest.mark.parametrize("url", ["file:", "file://host/kept", "nonsense", "sqlite://", "oci+http://registry.example/a"])
def test_an_archive_that_cannot_be_used_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_archive(ArchiveSettings(url=url), base=tmp_path, state=tmp_path / "state")
    assert caught.value.problems[0].file == "pdp.bundles.archive"


def test_a_configured_channel_is_the_source_and_gets_the_password_of_its_file(tmp_path: Path) -> None:
    with raw_server(lambda _: reply(body=HEAD.to_json())) as server:
        channel = ChannelSettings(url=f"{server.url}/policies", user="carol", password=password(tmp_path))
        pdp = PdpSettings(bundles=BundleSettings(channel=channel, unsafe_unsigned=True))
        source = open_source(pdp, base=tmp_path, clock=system_clock())
        assert isinstance(source, ChannelSource)
        assert source.look().serial == 1
    assert server.asked[0].target == "/policies/current.json"
    assert server.asked[0].headers["authorization"] == "Basic Y2Fyb2w6YS1wYXNzd29yZA=="
