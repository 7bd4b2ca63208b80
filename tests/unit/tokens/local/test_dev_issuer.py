import json
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest

from pdp.core.contract.errors import UnusableError
from pdp.core.settings.identity import DevIssuerSettings
from pdp.tokens.local.dev_issuer import DevClaims, DevIssuer
from tests.unit.tokens.minting import NOW

SETTINGS = DevIssuerSettings()


def test_its_key_stays_and_is_its_owners(tmp_path: Path) -> None:
    first, second = (DevIssuer.open(SETTINGS, base=tmp_path) for _ in range(2))
    assert first.public_key_set() == second.public_key_set()
    assert stat.S_IMODE((tmp_path / SETTINGS.key).stat().st_mode) == 0o600


def test_its_key_set_is_public(tmp_path: Path) -> None:
    (key,) = json.loads(DevIssuer.open(SETTINGS, base=tmp_path).public_key_set())["keys"]
    assert set(key) == {"alg", "crv", "kid", "kty", "use", "x"}


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    DevIssuer.open(SETTINGS, base=tmp_path)
    (tmp_path / SETTINGS.key).chmod(0o640)
    with pytest.raises(UnusableError, match="chmod 600"):
        DevIssuer.open(SETTINGS, base=tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"key", b'{"kty":"OKP","crv":"Ed25519","x":"AA"}', b'{"kty":"oct","k":"AA"}']
)
def test_a_file_that_holds_no_private_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / SETTINGS.key
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(UnusableError, match="private"):
        DevIssuer.open(SETTINGS, base=tmp_path)


@pytest.mark.parametrize(
    ("claims", "members"),
    [
        (DevClaims("alice"), {"sub": "alice"}),
        (
            DevClaims("alice", groups=("eng",), roles=("dev",), scopes=("a", "b"), tenant="acme", client_id="cli"),
            {"sub": "alice", "groups": ["eng"], "roles": ["dev"], "scope": "a b", "tenant": "acme", "client_id": "cli"},
        ),
        (
            DevClaims("alice", actors=("near", "far")),
            {"sub": "alice", "act": {"sub": "near", "act": {"sub": "far"}}},
        ),
    ],
)
def test_a_token_says_what_was_asked_and_nothing_else(
    tmp_path: Path, claims: DevClaims, members: dict[str, Any]
) -> None:
    token = DevIssuer.open(SETTINGS, base=tmp_path).sign(claims, now=NOW, ttl=60, token_id="t1")
    assert jwt.decode(token, options={"verify_signature": False}) == members | {
        "iss": SETTINGS.issuer, "aud": SETTINGS.audience, "iat": int(NOW), "exp": int(NOW) + 60, "jti": "t1",
    }  # fmt: skip
