"""`toolgate dev token`: a token that the authenticator of the same configuration believes."""

import stat
import time
from pathlib import Path

import pytest

from pdp.core.identity.builtin import BUILT_IN
from pdp.core.identity.mapped import principal_of
from pdp.core.identity.principal import Principal, PrincipalType, SubjectProperties
from pdp.core.settings.load import read_settings
from pdp.tokens.presented import bearer
from pdp.tokens.trust import build_authenticator
from tests.flow.pdp_process import toolgate, toolgate_here
from tests.unit.tokens.minting import Events

CONFIG = "version: 1\nidentity: {unsafe_dev_issuer: {}}\n"


async def test_the_token_is_all_that_is_printed_and_is_believed(tmp_path: Path) -> None:
    config = tmp_path / "toolgate.yaml"
    config.write_text(CONFIG)
    asked = "--sub alice --group eng --group ops --role dev --tenant acme --scope a --scope b --client-id cli"
    asked += " --act near --act far --ttl 8h"
    ended = toolgate(tmp_path, "dev", "token", *asked.split())
    assert (ended.returncode, ended.stderr, ended.stdout.count("\n")) == (0, "", 1)
    assert stat.S_IMODE((tmp_path / ".toolgate" / "dev-issuer.json").stat().st_mode) == 0o600
    settings = read_settings(config, environ={}).settings
    authenticator = build_authenticator(settings.identity, base=tmp_path, log=Events().log())
    now = time.time()  # noqa: TID251 - the command asks the machine's clock too
    claims = await authenticator.authenticate(bearer(ended.stdout.strip()), now=now)
    assert principal_of(claims, mapping=BUILT_IN) == Principal(
        PrincipalType.USER,
        "dev|alice",
        SubjectProperties(("dev|eng", "dev|ops"), ("dev|dev",), "dev|acme", mapping=BUILT_IN.digest),
        ("a", "b"),
        "dev|near",
        ("dev|near", "dev|far"),
    )
    assert abs(claims.expires_at - now - 8 * 3600) < 60


def test_without_a_development_issuer_it_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "toolgate.yaml").write_text("version: 1\n")
    ended = toolgate_here(tmp_path, "dev", "token", "--sub", "alice")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "identity:\n  unsafe_dev_issuer: {}\n" in ended.stderr
    assert not (tmp_path / ".toolgate").exists()


def test_off_loopback_it_gives_none(tmp_path: Path) -> None:
    (tmp_path / "toolgate.yaml").write_text(CONFIG + "gateway: {listen: '0.0.0.0:8080'}\n")
    ended = toolgate_here(tmp_path, "dev", "token", "--sub", "alice")
    assert (ended.returncode, ended.stdout, "gateway.listen" in ended.stderr) == (2, "", True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "--sub"),
        (("--sub", ""), "--sub"),
        (("--sub", "a", "--ttl", "1"), "--ttl"),
        (("--sub", "a", "--ttl", "-1h"), "--ttl"),
        (("--sub", "a", "--ttl", "0s"), "--ttl"),
    ],
)
def test_what_cannot_be_signed_says_why(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    (tmp_path / "toolgate.yaml").write_text(CONFIG)
    ended = toolgate_here(tmp_path, "dev", "token", *arguments)
    assert (ended.returncode, ended.stdout, why in ended.stderr) == (2, "", True)


def test_a_key_others_can_read_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "toolgate.yaml").write_text(CONFIG)
    assert toolgate_here(tmp_path, "dev", "token", "--sub", "alice").returncode == 0
    (tmp_path / ".toolgate" / "dev-issuer.json").chmod(0o644)
    ended = toolgate_here(tmp_path, "dev", "token", "--sub", "alice")
    assert (ended.returncode, ended.stdout, "chmod 600" in ended.stderr) == (2, "", True)
