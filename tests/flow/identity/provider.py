"""npm's oidc-provider in a process of its own (provider.mjs), and the ways to its tokens."""

import base64
import contextlib
import hashlib
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt

from tests.conftest import ROOT
from tests.flow.product import DEADLINE

INSTALL = "apt-get install nodejs npm, then make setup (it brings Node 22 where the machine's is older)"
SCOPES = "git:read git:write files:write"
REDIRECT = "http://127.0.0.1/callback"
CLIENT_SECRET = "a-secret-that-everybody-here-knows"

_HTTP = httpx.Client(timeout=DEADLINE)
_NODE = 22
_SCRIPT = Path(__file__).parent / "provider.mjs"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
_ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"


def is_installed() -> bool:
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "oidc-provider").is_dir():
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").split(".")[0]) >= _NODE


@dataclass(frozen=True)
class Provider:
    """A running identity provider; what its clients may do is in provider.mjs."""

    issuer: str
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """Stop, as if the machine were switched off."""
        self.process.kill()
        self.process.wait(timeout=20)

    def control(self, **command: Any) -> dict[str, Any]:
        answer = _HTTP.post(f"{self.issuer}/control", json=command)
        status: dict[str, Any] = answer.raise_for_status().json()
        return status

    def asked(self, path: str) -> int:
        count: int = _HTTP.get(f"{self.issuer}/control").json()["asked"].get(path, 0)
        return count

    def own_token(self, client: str, *, resource: str, scope: str = SCOPES, proof: str | None = None) -> str:
        """A token of the client itself (RFC 6749, section 4.4)."""
        form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
        return self._token(client, form, proof=proof)

    def exchanged(self, client: str, subject_token: str, *, resource: str, scope: str = SCOPES) -> str:
        """`subject_token`'s person with `client` acting (RFC 8693)."""
        form = {"grant_type": _EXCHANGE, "subject_token": subject_token, "subject_token_type": _ACCESS_TOKEN}
        return self._token(client, {**form, "resource": resource, "scope": scope})

    def identity_assertion(self, client: str, id_token: str, *, audience: str, resource: str, scope: str) -> str:
        """What `client` shows the authorization server `audience` for the person of `id_token` (ID-JAG)."""
        form = {"grant_type": _EXCHANGE, "subject_token": id_token, "subject_token_type": _ID_TOKEN}
        wanted = {"requested_token_type": _ID_JAG, "audience": audience, "resource": resource, "scope": scope}
        return self._token(client, {**form, **wanted})

    def user_token(
        self, user: str, *, resource: str, client: str = "coder", scope: str = SCOPES, proof: str | None = None
    ) -> str:
        """A token of `user` by way of `client`: authorization code with PKCE, both forms filled in."""
        granted = self._code_flow(user, client=client, scope=scope, resource=resource, proof=proof)
        return str(granted["access_token"])

    def refresh_token(self, user: str, *, client: str, resource: str) -> str:
        """What `client` gets new tokens with."""
        scope = f"{SCOPES} openid offline_access"
        return str(self._code_flow(user, client=client, scope=scope, resource=resource, proof=None)["refresh_token"])

    def id_token(self, user: str, *, client: str = "coder") -> str:
        """What says to `client` that `user` logged in."""
        return str(self._code_flow(user, client=client, scope="openid", resource=None, proof=None)["id_token"])

    def _code_flow(
        self, user: str, *, client: str, scope: str, resource: str | None, proof: str | None
    ) -> dict[str, Any]:
        target = {} if resource is None else {"resource": resource}
        verifier, challenge = pkce()
        request = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": REDIRECT,
            "scope": scope,
            **target,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **({"prompt": "consent"} if "offline_access" in scope else {}),
            "state": secrets.token_urlsafe(8),
        }
        answer = consent(str(httpx.URL(f"{self.issuer}/auth", params=request)), user=user)
        assert answer["state"] == request["state"]
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": REDIRECT,
            "code_verifier": verifier,
            **target,
        }
        granted: dict[str, Any] = self._post("token", client, form, proof=proof).json()
        return granted

    def revoke(self, client: str, token: str) -> None:
        """End `token` (RFC 7009)."""
        self._post("token/revocation", client, {"token": token})

    def _token(self, client: str, form: Mapping[str, str], *, proof: str | None = None) -> str:
        token: str = self._post("token", client, form, proof=proof).json()["access_token"]
        return token

    def _post(self, path: str, client: str, form: Mapping[str, str], *, proof: str | None = None) -> httpx.Response:
        headers = {} if proof is None else {"DPoP": proof}
        auth = (client, CLIENT_SECRET)
        answer = _HTTP.post(f"{self.issuer}/{path}", data=form, headers=headers, auth=auth)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer


def pkce() -> tuple[str, str]:
    """A code verifier and its challenge (RFC 7636, method S256)."""
    verifier = secrets.token_urlsafe(48)
    return verifier, base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def signed_by(token: str) -> str:
    """The `kid` in the head of `token`."""
    key: str = jwt.get_unverified_header(token)["kid"]
    return key


def consent(url: str, *, user: str) -> dict[str, str]:
    """What a browser brings back to the client when `user` logs in and agrees to everything at `url`."""
    with httpx.Client(timeout=DEADLINE) as browser:
        answer = browser.get(url)
        for _ in range(10):
            if answer.is_redirect:
                target = answer.headers["location"]
                if "/callback" in urlsplit(target).path:
                    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
                answer = browser.get(answer.url.join(target))
            else:
                assert answer.status_code == httpx.codes.OK, answer.text
                kind = "login" if 'value="login"' in answer.text else "consent"
                form = {"prompt": kind, "login": user, "password": "whatever"}
                answer = browser.post(answer.url, data=form)
    raise AssertionError(f"no way back to the client: {answer.url}")


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """A provider on a free port, ended with the block."""
    command = ["node", str(_SCRIPT)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            issuer = process.stdout.readline().decode().strip()
            assert issuer.startswith("http://127.0.0.1:"), "the provider did not start"
            yield Provider(issuer, process)
        finally:
            process.stdin.close()
            process.wait(timeout=20)
