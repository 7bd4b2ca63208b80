"""What `git` is run with: settings of nobody but us, one way to each server, credentials that no argument holds."""

import base64
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PASSED_ON: Final = (
    *("PATH", "TMPDIR", "SSH_AUTH_SOCK"),
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
)
_FIXED: Final = {
    "LC_ALL": "C",
    "HOME": "/nonexistent",  # so that no `.netrc` is found
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}
_CONFIG: Final = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.bigFileThreshold": "16m",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.threads": "1",
    "protocol.ext.allow": "never",
    "credential.helper": "",
    "http.followRedirects": "false",
    "transfer.fsckObjects": "true",
    "transfer.bundleURI": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",  # one file a fetch, whose size is limited
    # Names are judged by us, with the file and the reason; nothing is ever written under them.
    "fetch.fsck.hasDot": "ignore",
    "fetch.fsck.hasDotdot": "ignore",
    "fetch.fsck.fullPathname": "ignore",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
}


@dataclass(frozen=True, slots=True)
class GitAccess:
    """How to log in: name and password over `https`, key and known hosts over `ssh`."""

    user: str | None = None
    password: str | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be in any message, in each form that it is sent in."""
        return () if self.password is None else (self._basic(), self.password)

    def header(self) -> str | None:
        """The header that logs in, None where nobody does."""
        return None if self.password is None else f"Authorization: Basic {self._basic()}"

    def ssh_command(self) -> str:
        """`ssh` as `git` is to call it: it asks nobody, and believes no unknown host."""
        options = ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ForwardAgent=no"]
        if self.ssh_key is not None:
            options += ["-o", f"IdentityFile={_quoted(self.ssh_key)}", "-o", "IdentitiesOnly=yes"]
        if self.known_hosts is not None:
            options += ["-o", f"UserKnownHostsFile={_quoted(self.known_hosts)}", "-o", "GlobalKnownHostsFile=none"]
        return shlex.join(["ssh", *options])

    def _basic(self) -> str:
        return base64.b64encode(f"{self.user or ''}:{self.password or ''}".encode()).decode("ascii")


def git_environment(access: GitAccess, *, url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The whole environment for `git` to reach `url`; of `environment`, ours, only what finds the way to a server."""
    config = dict(_CONFIG)
    header = access.header()
    if header is not None:
        config[f"http.{url}.extraHeader"] = header
    numbered = {
        f"GIT_CONFIG_{kind}_{number}": text
        for number, pair in enumerate(config.items())
        for kind, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    passed_on = {name: environment[name] for name in _PASSED_ON if name in environment}
    ways = {
        "GIT_ALLOW_PROTOCOL": "https:ssh:file" + (":http" if url.startswith("http://") else ""),
        "GIT_SSH_COMMAND": access.ssh_command(),
        "GIT_SSH_VARIANT": "ssh",
    }
    return {**passed_on, **_FIXED, **ways, "GIT_CONFIG_COUNT": str(len(config)), **numbered}


def _quoted(path: Path) -> str:
    """`path` as a word of an option of `ssh`, which knows quotes, and escapes with a percent sign."""
    text = str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
