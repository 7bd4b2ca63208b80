"""Debian's HAProxy before a gateway: it ends TLS, names addresses and certificates, or passes bytes on."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT
from tests.flow.product import DEADLINE, stop, until

INSTALL = "apt-get update, then make setup"

_EXTRACTED = ROOT / ".haproxy"
_COMMON = """
global
    maxconn 100
defaults
    timeout connect {seconds}s
    timeout client {seconds}s
    timeout server {seconds}s
frontend entrance
"""
_TERMINATING = """
    mode http
    bind 127.0.0.1:{port} ssl crt {certificate} ca-file {authority} verify optional
    http-request del-header Client-Cert
    http-request set-header Client-Cert :%[ssl_c_der,base64]: if {{ ssl_c_used }}
    option forwardfor
    default_backend gateway
backend gateway
    mode http
    server gateway 127.0.0.1:{gateway}
"""
_PASSING = """
    mode tcp
    bind 127.0.0.1:{port}
    default_backend gateway
backend gateway
    mode tcp
    server gateway 127.0.0.1:{gateway} {option}
"""


def program() -> Path | None:
    """What `make setup` extracted, or the machine's own."""
    extracted, own = _EXTRACTED / "usr/sbin/haproxy", shutil.which("haproxy")
    return extracted if extracted.exists() else None if own is None else Path(own)


def terminating(folder: Path, *, port: int, gateway: int, certificate: Path, authority: Path) -> Path:
    """The configuration that ends TLS on `port` and asks clients for a certificate of `authority`."""
    text = _TERMINATING.format(port=port, gateway=gateway, certificate=certificate, authority=authority)
    return _written(folder, text)


def passing(folder: Path, *, port: int, gateway: int, option: str) -> Path:
    """The configuration that passes bytes on, after a PROXY header as `option` says."""
    return _written(folder, _PASSING.format(port=port, gateway=gateway, option=option))


@contextlib.contextmanager
def running(config: Path) -> Iterator[None]:
    """HAProxy with `config`, until it is left."""
    haproxy, log = program(), config.with_suffix(".log")
    assert haproxy is not None
    libraries = ":".join(str(path) for path in (_EXTRACTED / "usr/lib").glob("*-linux-gnu*"))
    env = {**os.environ, "LD_LIBRARY_PATH": libraries}  # noqa: TID251 - a child gets what we have
    with log.open("wb") as output:
        process = subprocess.Popen([haproxy, "-db", "-f", config], stdout=output, stderr=output, env=env)
    try:
        until(lambda: _listens(config, process), why=log.read_text)
        yield
    finally:
        stop(process)


def _written(folder: Path, text: str) -> Path:
    config = folder / "haproxy.cfg"
    config.write_text(_COMMON.format(seconds=int(DEADLINE)) + text)
    return config


def _listens(config: Path, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"ended with {process.returncode}"
    port = int(config.read_text().partition("bind 127.0.0.1:")[2].split()[0])
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    return wanted in " ".join(Path("/proc/net/tcp").read_text().split())
