"""Decision points that follow channels in a registry and behind a web server, honest ones and others."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import Require
from tests.flow.pdp_process import QUESTION, Pdp, running, toolgate_here
from tests.flow.registry import INSTALL, program, registry

SIGNED = ("--key", "keys/bundle.pem", "--trust", "trust.json")
CONFIG = """\
version: 1
pdp:
  listen: 127.0.0.1:0
  bundles:
    channel: {{url: "{url}", interval: 100ms}}
    trust: trust.json
    max_age: 24h
    archive: {{url: "{archive}"}}
identity: {{unsafe_dev_issuer: {{}}}}
"""
ADMIN = """TOOLGATE: x
"""
ADMIN = """\
  admin:
    listen: 127.0.0.1:0
    resource: http://127.0.0.1/admin
    roles: {publisher: ["user:dev|pat"]}
"""
AUDIENCE = ("--audience", "http://127.0.0.1/admin")
CASES = """version: 1
defaults: {now: 2026-07-28T09:00:00Z}
principals: {alice: {type: user, id: dev|alice}}
cases:
  - name: everybody reads the log
    principal: alice
    call: git/git_log
    arguments: {repo_path: /srv}
    expect: {decision: allow}
"""
POLICY = '@id("{name}") permit (principal, action == Mcp::Action::"git/git_log", resource);\n'


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "schemas" / "git").mkdir(parents=True)
    shutil.copy(root / "schemas" / "git" / "git_log.json", tmp_path / "schemas" / "git")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policy-tests").mkdir()
    (tmp_path / "policy-tests" / "log.yaml").write_text(CASES)
    good(tmp_path, "bundle", "keygen", "keys/bundle.pem")
    good(tmp_path, "bundle", "trust", "init", "--key", "keys/bundle.pem")
    return tmp_path


def good(place: Path, *arguments: str) -> str:
    done = toolgate_here(place, *arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def publish(place: Path, url: str, name: str, *arguments: str) -> None:
    (place / "policies" / "a.cedar").write_text(POLICY.format(name=name))
    good(place, "publish", "--to", url, *SIGNED, *arguments)


def follow(place: Path, url: str, *, archive: str = "file:archive") -> None:
    (place / "toolgate.yaml").write_text(CONFIG.format(url=url, archive=archive))


def decided_by(pdp: Pdp) -> tuple[int, list[str]]:
    answer = httpx.post(f"{pdp.address}/access/v1/evaluation", json=QUESTION, timeout=30).json()
    return answer["context"]["toolgate"]["generation"], answer["context"]["toolgate"]["policies"]


def until_generation(pdp: Pdp, generation: int) -> None:
    while decided_by(pdp)[0] != generation:
        pass


def refused(pdp: Pdp) -> str:
    """What `/readyz` says is wrong with the newest, once it says so."""
    while True:
        state = httpx.get(f"{pdp.address}/readyz", timeout=30).json()
        if state["bundle_trouble"] is not None:
            return f"{state['bundle_trouble']}: {state['bundle_error']}"


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Python's own server over `folder`."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_registry_is_followed_attacked_and_gone(place: Path, require: Require) -> None:
    require(program(), reason=f"no docker-registry here: {INSTALL}")
    with registry(place) as made:
        url = made.repository()
        publish(place, url, "one")
        follow(place, url, archive=made.repository("archive"))
        with running(place) as pdp:
            assert decided_by(pdp) == (1, ["one"])
            first = httpx.get(f"{pdp.address}/readyz").json()["bundle"]
            publish(place, url, "two")
            until_generation(pdp, 2)
            # Who can write to the registry shows the first bundle again, as it was signed then.
            api = f"http://127.0.0.1:{made.port}/v2/policies/bundles/manifests"
            accept = {"accept": "application/vnd.oci.image.manifest.v1+json"}
            old = httpx.get(f"{api}/serial-1", headers=accept)
            httpx.put(
                f"{api}/current", content=old.content, headers={"content-type": accept["accept"]}
            ).raise_for_status()
            assert "serial 1 is older than 2" in refused(pdp)
            assert decided_by(pdp) == (2, ["two"])
            # What was replaced can still be had, out of the archive in another repository.
            content = httpx.get(f"{pdp.address}/v1/bundle/{first}", headers=pdp.key())
            assert b'@id(\\"one\\")' in content.content
    with running(place) as pdp:
        assert pdp.until("bundle_restored")["generation"] == 2
        assert decided_by(pdp) == (2, ["two"])
        assert refused(pdp).startswith("source_unavailable")


def test_a_web_server_is_followed_and_what_it_mixes_is_not_believed(place: Path) -> None:
    served = place / "served"
    publish(place, "file:served", "one")
    with web_server(served) as url:
        follow(place, url)
        with running(place) as pdp:
            assert decided_by(pdp) == (1, ["one"])
            publish(place, "file:served", "two")
            until_generation(pdp, 2)
            publish(place, "file:aside", "three", "--after", "2")
            (content,) = (place / "aside" / "contents").iterdir()
            # The head of the third, with a content that is cut off, then with that of the second under its name.
            target = served / "contents" / content.name
            (second,) = [file for file in (served / "contents").iterdir() if b"two" in file.read_bytes()]
            target.write_bytes(content.read_bytes()[:-2])
            shutil.copy(place / "aside" / "current.json", served / "current.json")
            assert refused(pdp).startswith("bundle_untrusted")
            target.write_bytes(second.read_bytes())
            assert decided_by(pdp) == (2, ["two"])
            target.write_bytes(content.read_bytes())
            until_generation(pdp, 3)
            assert decided_by(pdp) == (3, ["three"])


def test_decision_points_on_one_channel_agree_whenever_they_start(place: Path) -> None:
    publish(place, "file:channel", "one")
    other = place / "other"
    other.mkdir()
    for folder in (place, other):
        follow(folder, f"file:{place / 'channel'}")
    shutil.copy(place / "trust.json", other)
    with running(place) as first:
        publish(place, "file:channel", "two")
        until_generation(first, 2)
        publish(place, "file:channel", "three", "--rollback", "1")
        until_generation(first, 3)
        with running(other) as second:
            assert decided_by(first) == decided_by(second) == (3, ["one"])


def test_a_publication_is_over_when_decision_points_and_enforcers_use_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(place, "file:channel", "one")
    follow(place, "file:channel")
    config = place / "toolgate.yaml"
    # Nobody would look for an hour, were it not told to.
    config.write_text(config.read_text().replace("100ms", "1h").replace("  bundles:", f"{ADMIN}  bundles:"))
    with running(place) as pdp:
        where = str(pdp.until("admin_ready")["address"])
        monkeypatch.setenv("TOOLGATE_TOKEN", good(place, "dev", "token", "--sub", "pat", *AUDIENCE).strip())
        use(pdp, 1)
        (place / "policies" / "a.cedar").write_text(POLICY.format(name="two"))
        command = ("publish", "--to", "file:channel", *SIGNED, "--pdp", where)
        done = toolgate_here(place, *command, "--wait", "100ms")
        assert (done.returncode, "not used yet by enforcer `gateway`" in done.stderr) == (1, True)
        assert decided_by(pdp) == (2, ["two"])
        use(pdp, 2)
        assert good(place, *command).splitlines()[-2:] == [
            "(7) announce  to 1 decision point",
            "(8) confirm   by 1 decision point and 1 enforcer",
        ]
        monkeypatch.setenv("TOOLGATE_TOKEN", "forged")
        done = toolgate_here(place, *command)
        assert (done.returncode, "refuses with status 401" in done.stderr) == (2, True)


def use(pdp: Pdp, generation: int) -> None:
    """Say as the gateway that it uses `generation`."""
    said = {**pdp.key(), "toolgate-generation": str(generation)}
    httpx.get(f"{pdp.address}/v1/catalog", headers=said, timeout=30).raise_for_status()
