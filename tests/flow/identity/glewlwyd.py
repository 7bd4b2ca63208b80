"""Debian's glewlwyd in a process of its own, set up over its admin API: an identity provider that is not in Node."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.conftest import ROOT
from tests.flow.identity.provider import pkce
from tests.flow.identity.scene import free_port
from tests.flow.product import DEADLINE, stop, until

INSTALL = "apt-get update, then make setup"
CLIENT = "librarian"

_REDIRECT = "https://client.test/callback"
_EXTRACTED = ROOT / ".glewlwyd"
_SECRET = "a-secret-of-the-librarian"
_PASSWORD = "a-password-of-dave"
_SCOPES = ("git:read", "git:write")
_CONFIG = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
api_prefix="api"
log_mode="console"
log_level="WARNING"
hash_algorithm="SHA512"
database = {{ type = "sqlite3" path = "{database}" }};
user_module_path="{modules}/user"
user_middleware_module_path="{modules}/user_middleware"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
"""


def root() -> Path | None:
    """The folder whose `usr` has glewlwyd: what `make setup` extracted, or the machine's own."""
    if (_EXTRACTED / "usr/bin/glewlwyd").exists():
        return _EXTRACTED
    return Path("/") if shutil.which("glewlwyd") is not None else None


@dataclass(frozen=True)
class Glewlwyd:
    """A running server; its issuer has a path."""

    url: str

    @property
    def issuer(self) -> str:
        return f"{self.url}/api/oidc"

    def own_token(self, *, resource: str) -> str:
        return self._token({"grant_type": "client_credentials", "resource": resource})

    def user_token(self, *, resource: str) -> str:
        """A token of dave: authorization code with PKCE, where dave is logged in and has agreed."""
        verifier, challenge = pkce()
        with httpx.Client(base_url=f"{self.url}/api/", timeout=DEADLINE) as browser:
            browser.post("auth", json={"username": "dave", "password": _PASSWORD}).raise_for_status()
            browser.put(f"auth/grant/{CLIENT}", json={"scope": " ".join(_SCOPES)}).raise_for_status()
            request = {
                "response_type": "code",
                "client_id": CLIENT,
                "redirect_uri": _REDIRECT,
                "scope": " ".join(_SCOPES),
                "resource": resource,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
                "g_continue": "",
            }
            answer = browser.get("oidc/auth", params=request)
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": _REDIRECT, "code_verifier": verifier}
        return self._token(form)

    def password_token(self, *, resource: str) -> str:
        """A token of dave by the password grant, to which this server does not apply `resource`."""
        form = {"grant_type": "password", "username": "dave", "password": _PASSWORD, "resource": resource}
        return self._token(form)

    def rotate(self, key_id: str) -> None:
        """Sign with a new key, RSA like all of them; the one before stays published."""
        with self._admin() as admin:
            plugin = admin.get("mod/plugin/oidc").raise_for_status().json()
            keys = json.loads(plugin["parameters"]["jwks-private"])["keys"]
            plugin["parameters"] |= _keys([_new_key(key_id), *keys[:1]])
            admin.put("mod/plugin/oidc", json=plugin).raise_for_status()
            admin.put("mod/plugin/oidc/reset").raise_for_status()

    def set_up(self, *, resources: list[str]) -> None:
        """Scopes, the OpenID Connect plug-in, a client and a person."""
        with self._admin() as admin:
            for scope in _SCOPES:
                body = {"name": scope, "display_name": scope, "description": scope, "password_required": False}
                admin.post("scope", json=body | {"scheme": {}}).raise_for_status()
            admin.post("mod/plugin", json=_plugin(self.issuer)).raise_for_status()
            admin.post("client", json=_client(resources)).raise_for_status()
            dave = {"username": "dave", "password": _PASSWORD, "enabled": True, "scope": list(_SCOPES)}
            admin.post("user", json=dave).raise_for_status()

    @contextlib.contextmanager
    def _admin(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=f"{self.url}/api/", timeout=DEADLINE) as admin:
            admin.post("auth", json={"username": "admin", "password": "password"}).raise_for_status()
            yield admin

    def _token(self, form: dict[str, str]) -> str:
        form = {"scope": " ".join(_SCOPES), **form}
        answer = httpx.post(f"{self.issuer}/token", data=form, auth=(CLIENT, _SECRET), timeout=DEADLINE)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["access_token"])


@contextlib.contextmanager
def glewlwyd(folder: Path, *, resources: list[str]) -> Iterator[Glewlwyd]:
    """A server on a free port, ended with the block."""
    there = root()
    assert there is not None
    database = folder / "glewlwyd.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.executescript((there / "usr/share/dbconfig-common/data/glewlwyd/install/sqlite3").read_text())
    port = free_port()
    config = folder / "glewlwyd.conf"
    config.write_text(_CONFIG.format(port=port, database=database, modules=there / "usr/lib/glewlwyd"))
    libraries = os.pathsep.join(str(path.parent) for path in there.glob("usr/lib/*/libulfius.so.*"))
    running = Glewlwyd(f"http://127.0.0.1:{port}")
    log = folder / "glewlwyd.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(there / "usr/bin/glewlwyd"), "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LD_LIBRARY_PATH": libraries},  # noqa: TID251 - a child gets what we have
        )
    try:
        until(lambda: _answers(running.url), why=log.read_text)
        running.set_up(resources=resources)
        yield running
    finally:
        stop(process)


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/config", timeout=5).status_code == httpx.codes.OK
    return False


def _plugin(issuer: str) -> dict[str, Any]:
    parameters = {
        "iss": issuer,
        "jwt-type": "rsa",
        "jwt-key-size": "256",
        "jwks-show": True,
        "access-token-duration": 300,
        "refresh-token-duration": 3600,
        "code-duration": 60,
        "session-cookie-name": "GLEWLWYD_TEST",
        "session-cookie-expiration": 3600,
        "allow-non-oidc": True,
        "auth-type-code-enabled": True,
        "auth-type-client-enabled": True,
        "auth-type-password-enabled": True,
        "resource-allowed": True,
        "resource-scope": {},
        "resource-client-property": "resource",
        "resource-scope-and-client-property": False,
        "resource-change-allowed": True,
        "scope": [],
        "claims": [],
        "pkce-allowed": True,
        "additional-parameters": [],
        **_keys([_new_key("first")]),
    }
    return {"module": "oidc", "name": "oidc", "display_name": "oidc", "enabled": True, "parameters": parameters}


def _client(resources: list[str]) -> dict[str, Any]:
    return {
        "client_id": CLIENT,
        "name": CLIENT,
        "confidential": True,
        "password": _SECRET,
        "enabled": True,
        "scope": list(_SCOPES),
        "authorization_type": ["code", "client_credentials", "password"],
        "token_endpoint_auth_method": ["client_secret_basic"],
        "redirect_uri": [_REDIRECT],
        "resource": resources,
    }


def _keys(keys: list[dict[str, Any]]) -> dict[str, str]:
    return {"jwks-private": json.dumps({"keys": keys}), "default-kid": keys[0]["kid"]}


def _new_key(key_id: str) -> dict[str, Any]:
    private = RSAAlgorithm.to_jwk(rsa.generate_private_key(public_exponent=65537, key_size=2048), as_dict=True)
    return {name: value for name, value in private.items() if name != "key_ops"} | {"kid": key_id, "alg": "RS256"}
