"""Decision points that take their policies from a Git repository, as processes."""

import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flow.git_server import GitServer, serving
from tests.flow.pdp_process import DEADLINE, POLICY, QUESTION, Pdp, running, toolgate
from tests.flow.product import until
from tests.git_repository import Repository, run

SECRET = b"a secret that the repository knows too"
FORBID = '@id("nobody") forbid (principal, action, resource);\n'
CONFIG = """\
version: 1
pdp:
  listen: 127.0.0.1:0
  log: {{url: "sqlite:///log.db"}}
  bundles: {{git: {git}}}
identity: {{unsafe_dev_issuer: {{}}}}
"""


@pytest.fixture
def repository(tmp_path: Path, root: Path) -> Repository:
    (tmp_path / "served").mkdir()
    repository = Repository(tmp_path / "served" / "policies.git")
    tool = (root / "schemas" / "git" / "git_log.json").read_bytes()
    repository.files = {"README.md": "x", "policies/alice.cedar": POLICY, "schemas/git/git_log.json": tool}
    repository.commit()
    return repository


def set_up(base: Path, url: str, **git: Any) -> Path:
    """A configuration in `base` whose policies are in the repository at `url`."""
    base.mkdir()
    secret = base / "hook.secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    settings = {"url": url, "branch": "main", "interval": "1h", "webhook": {"secret": "hook.secret"}} | git
    (base / "toolgate.yaml").write_text(CONFIG.format(git=json.dumps(settings)))
    return base


def notify(pdp: Pdp, *, secret: bytes = SECRET) -> int:
    body = b'{"ref": "refs/heads/main"}'
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={digest}"}
    return httpx.post(f"{pdp.address}/hooks/git", content=body, headers=headers, timeout=DEADLINE).status_code


def readiness(pdp: Pdp) -> Mapping[str, Any]:
    found: Mapping[str, Any] = httpx.get(f"{pdp.address}/readyz", timeout=DEADLINE).json()
    return found


def decided(pdp: Pdp) -> tuple[str, int]:
    answer = httpx.post(f"{pdp.address}/access/v1/evaluation", json=QUESTION, timeout=DEADLINE).json()
    told = answer["context"]["toolgate"]
    return told["reason_code"], told["generation"]


def test_a_push_and_its_notification_change_decisions_and_fail_none(repository: Repository, tmp_path: Path) -> None:
    with running(set_up(tmp_path / "pdp", str(repository.path))) as pdp:
        assert decided(pdp) == ("allowed", 1)
        done = threading.Event()

        def ask() -> set[tuple[str, int]]:
            seen = set()
            while not done.is_set():
                seen.add(decided(pdp))
            return seen

        with ThreadPoolExecutor() as threads:
            asking = threads.submit(ask)
            repository.commit({"policies/none.cedar": FORBID})
            assert notify(pdp, secret=b"not the secret of this webhook") == 401
            assert readiness(pdp)["generation"] == 1
            assert notify(pdp) == 204
            until(lambda: readiness(pdp)["generation"] == 2)
            done.set()
            assert asking.result(DEADLINE) <= {("allowed", 1), ("forbidden_by_policy", 2)}
        assert decided(pdp) == ("forbidden_by_policy", 2)
        assert pdp.stop() == 0


def test_a_push_is_found_without_a_notification(repository: Repository, tmp_path: Path) -> None:
    with running(set_up(tmp_path / "pdp", str(repository.path), interval="100ms")) as pdp:
        repository.commit({"policies/none.cedar": FORBID})
        until(lambda: decided(pdp) == ("forbidden_by_policy", 2))


def test_a_push_that_does_not_compile_changes_nothing_and_is_told(repository: Repository, tmp_path: Path) -> None:
    with running(set_up(tmp_path / "pdp", str(repository.path))) as pdp:
        repository.commit({"policies/broken.cedar": "permit (principal"})
        assert notify(pdp) == 204
        until(lambda: readiness(pdp)["bundle_error"] is not None)
        assert "policies/broken.cedar:1" in readiness(pdp)["bundle_error"]
        assert decided(pdp) == ("allowed", 1)


def test_decision_points_of_one_repository_agree_whenever_they_start(repository: Repository, tmp_path: Path) -> None:
    url = str(repository.path)
    with running(set_up(tmp_path / "first", url)) as first, running(set_up(tmp_path / "second", url)) as second:
        for text in (FORBID, "// nothing\n", FORBID + "\n"):
            repository.commit({"policies/none.cedar": text})
            expected = readiness(first)["generation"] + 1
            assert notify(first) == 204
            until(lambda expected=expected: readiness(first)["generation"] == expected)
        assert notify(second) == 204
        until(lambda: readiness(second)["generation"] == 4)
        with running(set_up(tmp_path / "third", url)) as third:
            found = [readiness(one) for one in (first, second, third)]
            assert {(one["generation"], one["bundle"]) for one in found} == {(4, found[0]["bundle"])}


def test_a_restart_while_the_server_is_away_decides_by_the_last_good_bundle(
    repository: Repository, tmp_path: Path
) -> None:
    server = GitServer(repository.path.parent, credentials="ci:hunter2hunter2")
    with serving(server):
        (tmp_path / "token").write_text("hunter2hunter2\n")
        (tmp_path / "token").chmod(0o600)
        base = set_up(tmp_path / "pdp", server.url(), user="ci", password=str(tmp_path / "token"))
        with running(base) as pdp:
            assert decided(pdp) == ("allowed", 1)
    with running(base) as pdp:
        assert decided(pdp) == ("allowed", 1)
        assert server.url() in readiness(pdp)["bundle_error"]
        repository.commit({"policies/none.cedar": FORBID})
        with serving(server):
            assert notify(pdp) == 204
            until(lambda: decided(pdp) == ("forbidden_by_policy", 2))
        assert readiness(pdp)["bundle_error"] is None
    log = "".join(str(entry) for entry in pdp.seen)
    assert "hunter2" not in log


def test_a_first_start_without_a_bundle_says_why_it_ends(repository: Repository, tmp_path: Path) -> None:
    done = toolgate(set_up(tmp_path / "pdp", str(repository.path), branch="gone"), "serve")
    assert done.returncode == 2
    assert done.stderr == (f"toolgate: `{repository.path} (gone)` cannot be read: there is no `gone` in it\n")


def test_only_what_a_signer_signed_comes_into_force(repository: Repository, tmp_path: Path) -> None:
    key = tmp_path / "alice"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    (tmp_path / "signers").write_text(f'alice@example.com namespaces="git" {key.with_suffix(".pub").read_text()}')
    repository.commit({"policies/more.cedar": "// more\n"}, key=key)
    with running(set_up(tmp_path / "pdp", str(repository.path), signers=str(tmp_path / "signers"))) as pdp:
        assert decided(pdp) == ("allowed", 2)
        commit = repository.commit({"policies/none.cedar": FORBID})
        assert notify(pdp) == 204
        until(lambda: readiness(pdp)["bundle_error"] is not None)
        told = readiness(pdp)["bundle_error"]
        assert told == f"bundle_untrusted: commit {commit[:12]} is not believed: it is not signed"
        assert decided(pdp) == ("allowed", 2)
        repository.commit({"README.md": "approved"}, key=key)
        assert notify(pdp) == 204
        until(lambda: decided(pdp) == ("forbidden_by_policy", 3))
