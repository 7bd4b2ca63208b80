"""`toolgate revoke`, and what a decision point does then."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flow.pdp_process import QUESTION, Pdp, running, set_up, toolgate, toolgate_here

ADMIN = """\
  admin:
    listen: {listen}
    resource: https://pdp.example.com/admin
    roles: {{operator: ["user:dev|olga"], auditor: ["group:dev|audit"]}}
"""
RESOURCE = "https://pdp.example.com/admin"


@pytest.fixture
def base(tmp_path: Path, root: Path) -> Path:
    set_up(tmp_path, root=root)
    return tmp_path


@pytest.fixture
def pdp(base: Path) -> Iterator[Pdp]:
    with_admin(base, listen="127.0.0.1:0")
    with running(base) as process:
        yield process


def with_admin(base: Path, *, listen: str) -> None:
    config = base / "toolgate.yaml"
    text = config.read_text().replace("identity:", ADMIN.format(listen=json.dumps(listen)) + "identity:")
    config.write_text(text.replace("reload_interval: 1h", "reload_interval: 1h\n  revocations: {interval: 20ms}"))


def token(base: Path, *options: str, audience: str = RESOURCE) -> str:
    done = toolgate_here(base, "dev", "token", "--audience", audience, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def asked(pdp: Pdp) -> Any:
    answer = httpx.post(f"{pdp.address}/access/v1/evaluation", json=QUESTION, trust_env=False)
    return answer.json()["context"]["toolgate"]


def until(reason: str, pdp: Pdp) -> Any:
    """The first answer with that reason; the test's own limit of time ends it otherwise."""
    while True:
        answer = asked(pdp)
        if answer["reason_code"] == reason:
            return answer


def test_what_the_command_revokes_in_the_store_a_running_decision_point_denies_until_it_is_lifted(
    base: Path, pdp: Pdp
) -> None:
    assert asked(pdp)["reason_code"] == "allowed"
    done = toolgate_here(base, "revoke", "principal", "dev|alice", "--reason", "laptop stolen", "--json")
    made = json.loads(done.stdout)
    assert (done.returncode, made["sequence"], made["id"], made["until"]) == (0, 1, "dev|alice", None)
    assert made["by"].startswith("local:")
    assert until("revoked", pdp)["revocations"] == 1
    held = httpx.get(f"{pdp.address}/v1/revocations", headers=pdp.key(), trust_env=False)
    assert (held.headers["etag"], held.json()) == ('W/"1"', {"sequence": 1, "revocations": [made]})
    lifted = toolgate_here(base, "revoke", "principal", "dev|alice", "--lift")
    assert (lifted.returncode, lifted.stdout) == (0, "lifted: principal `dev|alice` (number 2)\n")
    assert until("allowed", pdp)["revocations"] == 2
    again = toolgate_here(base, "revoke", "principal", "dev|alice", "--lift")
    assert (again.returncode, again.stdout) == (1, "nothing to lift: principal `dev|alice` is not revoked\n")


def test_a_revocation_outlives_the_decision_point(base: Path) -> None:
    assert toolgate_here(base, "revoke", "server", "git").returncode == 0
    with running(base) as first:
        assert asked(first)["reason_code"] == "revoked"
        assert first.stop() == 0
    with running(base) as second:
        assert (asked(second)["reason_code"], asked(second)["revocations"]) == ("revoked", 1)


def test_over_the_administration_it_is_in_force_with_the_answer(
    base: Path, pdp: Pdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(pdp.until("admin_ready")["address"])
    monkeypatch.setenv("TOOLGATE_TOKEN", token(base, "--sub", "olga"))
    done = toolgate_here(base, "revoke", "tool", "git/git_log", "--for", "1h", "--admin", url)
    assert (done.returncode, done.stdout[:32]) == (0, "revoked: tool `git/git_log`, unt")
    assert asked(pdp)["reason_code"] == "revoked"
    listed = toolgate_here(base, "revoke", "--list", "--json", "--admin", url)
    (one,) = json.loads(listed.stdout)["revocations"]
    assert (one["kind"], one["by"]) == ("tool", "dev|olga")
    assert "dev|olga" in toolgate_here(base, "revoke", "--list", "--admin", url).stdout
    doubtful = toolgate_here(base, "revoke", "tool", "git/git_lgo", "--admin", url)
    assert (doubtful.returncode, doubtful.stderr) == (0, "the catalog has no tool `git/git_lgo`\n")
    lift = ("revoke", "tool", "git/git_log", "--lift", "--admin", url)
    assert [toolgate_here(base, *lift).returncode for _ in range(2)] == [0, 1]
    assert asked(pdp)["reason_code"] == "allowed"


@pytest.mark.parametrize(
    ("who", "audience", "status"),
    [
        (["--sub", "eve"], RESOURCE, 403),
        (["--sub", "eve", "--group", "operator", "--role", "operator"], RESOURCE, 403),
        (["--sub", "eve", "--group", "audit"], RESOURCE, 403),
        (["--sub", "olga", "--act", "bot"], RESOURCE, 403),
        (["--sub", "olga", "--client-id", "olga"], RESOURCE, 403),
        (["--sub", "olga"], "http://127.0.0.1:8080/mcp", 401),
        (["--sub", "olga"], RESOURCE + "/", 401),
    ],
)
def test_nobody_else_revokes_anything(
    base: Path, pdp: Pdp, monkeypatch: pytest.MonkeyPatch, who: list[str], audience: str, status: int
) -> None:
    shown = token(base, *who, audience=audience)
    monkeypatch.setenv("TOOLGATE_TOKEN", shown)
    url = str(pdp.until("admin_ready")["address"])
    done = toolgate_here(base, "revoke", "server", "git", "--admin", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"refuses with status {status}" in done.stderr
    assert shown not in done.stderr
    told = asked(pdp)
    assert (told["reason_code"], told["revocations"]) == ("allowed", 0)


def test_the_administration_listens_on_a_socket_of_its_own(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_admin(base, listen=f"unix:{base}/admin.sock")
    monkeypatch.setenv("TOOLGATE_TOKEN", token(base, "--sub", "olga"))
    with running(base) as pdp:
        assert pdp.until("admin_ready")["address"] == f"unix:{base}/admin.sock"
        done = toolgate_here(base, "revoke", "server", "git", "--admin", f"unix:{base}/admin.sock")
        assert (done.returncode, asked(pdp)["reason_code"]) == (0, "revoked")
        for path in ("/admin/v1/status", "/admin/v1/revocations"):
            answer = httpx.get(pdp.address + path, headers=pdp.key(), trust_env=False)
            assert answer.status_code == 404
        assert pdp.stop() == 0
    assert not (base / "admin.sock").exists()


def test_each_access_is_in_the_event_log_and_no_token_is(base: Path, pdp: Pdp) -> None:
    url, shown = str(pdp.until("admin_ready")["address"]), token(base, "--sub", "ann", "--group", "audit")
    for bearer in (shown, "forged." + shown):
        headers = {"authorization": f"Bearer {bearer}"}
        httpx.get(f"{url}/admin/v1/status", headers=headers, trust_env=False)
        httpx.post(
            f"{url}/admin/v1/revocations", headers=headers, json={"kind": "server", "id": "git"}, trust_env=False
        )
    pdp.stop()
    pdp.until("pdp_stopped")
    told = [event for event in pdp.seen if event["event"] == "admin_access"]
    assert [(event["principal"], event["action"], event["status"]) for event in told] == [
        ("dev|ann", "status:read", 200),
        ("dev|ann", "revocations:write", 403),
        (None, None, 401),
        (None, None, 401),
    ]
    assert shown.rpartition(".")[2] not in json.dumps(pdp.seen)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace('operator: ["user:dev|olga"], auditor: ["group:dev|audit"]', ""), "no role has"),
        (lambda text: text.replace("user:dev|olga", "user:corp|olga"), "no issuer has the alias"),
        (lambda text: text.replace("user:dev|olga", "olga"), "must match"),
        (lambda text: text.replace("    resource: https://pdp.example.com/admin\n", ""), "`pdp.admin.resource` is"),
        (lambda text: text.replace('"127.0.0.1:0"\n    resource', '"0.0.0.0:0"\n    resource'), "unsafe_dev_issuer"),
    ],
)
def test_an_administration_that_is_open_to_nobody_or_everybody_does_not_start(
    base: Path, change: Callable[[str], str], why: str
) -> None:
    with_admin(base, listen="127.0.0.1:0")
    config = base / "toolgate.yaml"
    before = config.read_text()
    config.write_text(change(before))
    assert config.read_text() != before
    done = toolgate(base, "serve")
    assert (done.returncode, why in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["principal"],
        ["principal", "alice"],
        ["principal", "dev|al\nice"],
        ["principal", "dev|" + "a" * 2000],
        ["everything", "dev|alice"],
        ["principal", "dev|alice", "--for", "soon"],
        ["principal", "dev|alice", "--for", "9" * 30 + "h"],
        ["principal", "dev|alice", "--lift", "--for", "1h"],
        ["principal", "dev|alice", "--reason", "two\nlines"],
        ["principal", "dev|alice", "--list"],
        ["principal", "dev|alice", "--admin", "http://pdp.example.com"],
        ["principal", "dev|alice", "--admin", "ftp://127.0.0.1"],
        ["principal", "dev|alice", "--admin", "http://127.0.0.1:1"],
        ["principal", "dev|alice", "--admin", "unix:/nowhere.sock"],
        ["principal", "dev|alice", "--config", "missing.yaml"],
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    base: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLGATE_TOKEN", "t" * 40)
    done = toolgate_here(base, "revoke", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "t" * 40 not in done.stderr
    listed = toolgate_here(base, "revoke", "--list")
    assert (listed.returncode, listed.stdout) == (0, "nothing is revoked\n")


@pytest.mark.parametrize("shown", ["", "two words", "new\nline", "\u00e9"])
def test_without_a_token_nobody_is_asked(base: Path, monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    monkeypatch.setenv("TOOLGATE_TOKEN", shown)
    done = toolgate_here(base, "revoke", "server", "git", "--admin", "http://127.0.0.1:1")
    assert (done.returncode, "needs a token" in done.stderr) == (2, True)
