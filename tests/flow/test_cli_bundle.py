"""`toolgate publish` and `toolgate bundle` as publishers use them, and the decision points that follow."""

import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import RequireTool
from tests.flow.pdp_process import TOOLGATE, running, toolgate_here

SIGNED = ("--key", "keys/bundle.pem", "--trust", "trust.json")
CHANNEL = "file:channel"
CONFIG = """\
version: 1
pdp:
  listen: 127.0.0.1:0
  bundles: {channel: {url: "file:channel", interval: 100ms}, trust: trust.json, max_age: 24h}
identity: {unsafe_dev_issuer: {}}
"""
STEPS = ["fetch", "compile", "test", "number", "sign", "activate", "announce", "confirm"]


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Path:
    for folder in ("policies", "schemas", "policy-tests"):
        shutil.copytree(root / folder, tmp_path / folder)
    good(tmp_path, "bundle", "keygen", "keys/bundle.pem")
    good(tmp_path, "bundle", "trust", "init", "--key", "keys/bundle.pem")
    return tmp_path


def good(place: Path, *arguments: str) -> str:
    done = toolgate_here(place, *arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def publish(place: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(good(place, "publish", "--to", CHANNEL, *SIGNED, "--json", *arguments))
    return found


def shown(place: Path, what: str = CHANNEL) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(good(place, "bundle", "show", what, "--json"))
    return found


def edit(place: Path) -> None:
    with (place / "policies" / "everyone.cedar").open("a") as file:
        file.write("// another bundle\n")


def test_eight_steps_are_told_as_they_are_done(place: Path) -> None:
    lines = good(place, "publish", "--to", CHANNEL, *SIGNED).splitlines()
    assert [line.split()[:2] for line in lines] == [[f"({n})", name] for n, name in enumerate(STEPS, 1)]
    assert list(publish(place)["steps"]) == STEPS


def test_a_dry_run_publishes_nothing(place: Path) -> None:
    assert list(publish(place, "--dry-run")["steps"]) == STEPS[:5]
    assert not (place / "channel").exists()


def test_a_rollback_is_a_new_serial_and_stands_in_the_history(place: Path) -> None:
    first = publish(place)
    edit(place)
    assert publish(place)["digest"] != first["digest"]
    again = publish(place, "--rollback", "1")
    assert (again["serial"], again["digest"]) == (3, first["digest"])
    history = [json.loads(line) for line in good(place, "bundle", "history", CHANNEL, "--json").splitlines()]
    assert [(one["serial"], one["rollback"]) for one in history] == [(3, "1"), (2, None), (1, None)]


def test_policies_with_problems_and_tests_that_fail_publish_nothing_and_exit_1(place: Path) -> None:
    (place / "policies" / "broken.cedar").write_text("permit (")
    done = toolgate_here(place, "publish", "--to", CHANNEL, *SIGNED)
    assert (done.returncode, "policies/broken.cedar:1" in done.stderr) == (1, True)
    (place / "policies" / "broken.cedar").write_text('@id("no") forbid (principal, action, resource);')
    done = toolgate_here(place, "publish", "--to", CHANNEL, *SIGNED)
    assert (done.returncode, "FAIL" in done.stderr) == (1, True)
    assert not (place / "channel").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("publish",), "--to"),
        (("publish", "--to", CHANNEL), "--trust"),
        (("publish", "--to", "somewhere", *SIGNED), "a channel is"),
        (("publish", "--to", "https://bundles.example.com/", *SIGNED), "what a web server serves is such a folder"),
        (("publish", "--to", CHANNEL, *SIGNED, "--unsafe-unsigned"), "goes without"),
        (("publish", "--to", CHANNEL, *SIGNED, "--canary", "--promote"), "exclude each other"),
        (("publish", "--to", CHANNEL, *SIGNED, "--rollback", "9"), "nothing was published under `9`"),
        (("publish", "--to", CHANNEL, *SIGNED, "--pdp", "http://127.0.0.1:1"), "TOOLGATE_TOKEN"),
        (("publish", "--to", CHANNEL, "--key", "none.pem", "--trust", "trust.json"), "toolgate bundle keygen none.pem"),
        (("bundle", "keygen", "keys/bundle.pem"), "nobody overwrites a key"),
        (("bundle", "trust", "init", "--key", "keys/bundle.pem"), "toolgate bundle trust rotate"),
        (("bundle", "trust", "rotate", "--remove", "zz", "--key", "keys/bundle.pem"), "0 keys"),
        (("bundle", "trust", "rotate", "--add", "boss=keys/bundle.pub", "--key", "keys/bundle.pem"), "begin with"),
        (("bundle", "trust", "rotate", "--threshold", "root=2", "--key", "keys/bundle.pem"), "as its threshold"),
        (("bundle", "show", CHANNEL), "nothing under `current`"),
        (("bundle", "show", "policies/everyone.cedar"), "no bundle in one file"),
        (("bundle", "pull", CHANNEL, "--serial", "4"), "nothing under 4"),
        (("bundle", "refresh", CHANNEL, *SIGNED), "toolgate publish"),
        (("bundle", "verify", "none.bundle", "--trust", "trust.json"), "cannot be read"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(place: Path, arguments: tuple[str, ...], why: str) -> None:
    done = toolgate_here(place, *arguments)
    assert done.returncode == 2
    assert why in " ".join(done.stderr.replace("│", " ").split())


def test_a_bundle_is_built_signed_verified_pushed_and_pulled(place: Path) -> None:
    digest = good(place, "bundle", "build", "-o", "a.bundle").split()[0]
    done = toolgate_here(place, "bundle", "verify", "a.bundle", "--trust", "trust.json")
    assert (done.returncode, done.stdout.startswith("not to be believed: 0 of 1 `bundle` keys")) == (1, True)
    good(place, "bundle", "sign", "a.bundle", "--serial", "7", *SIGNED)
    assert "serial 7" in good(place, "bundle", "verify", "a.bundle", "--trust", "trust.json")
    good(place, "bundle", "push", "a.bundle", CHANNEL, "--trust", "trust.json")
    assert "serial 7" in good(place, "bundle", "verify", CHANNEL, "--trust", "trust.json")
    good(place, "bundle", "pull", CHANNEL, "-o", "b.bundle", "--into", "out")
    assert (place / "b.bundle").read_bytes() == (place / "a.bundle").read_bytes()
    for file in (place / "out").rglob("*.*"):
        assert file.read_bytes() == (place / file.relative_to(place / "out")).read_bytes()
    assert (shown(place)["digest"], shown(place, "b.bundle")["serial"]) == (digest, 7)


def test_what_was_not_signed_by_the_root_of_trust_is_not_pushed(place: Path) -> None:
    good(place, "bundle", "build", "-o", "a.bundle")
    done = toolgate_here(place, "bundle", "push", "a.bundle", CHANNEL, "--trust", "trust.json")
    assert (done.returncode, "have signed" in done.stderr, (place / "channel").exists()) == (2, True, False)


def test_the_same_sources_have_the_same_digest_wherever_they_are(place: Path) -> None:
    ours = good(place, "bundle", "build", "-o", "a.bundle").split()[0]
    (place / "elsewhere").mkdir()
    for folder in ("schemas", "policies"):
        shutil.copytree(place / folder, place / "elsewhere" / folder)
    theirs = good(place / "elsewhere", "bundle", "build", "-o", "b.bundle").split()[0]
    assert ours == theirs
    assert (place / "a.bundle").read_bytes() == (place / "elsewhere" / "b.bundle").read_bytes()


def test_a_private_key_is_its_owners_alone_and_refused_where_it_is_not(place: Path) -> None:
    key = place / "keys" / "bundle.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o644)
    done = toolgate_here(place, "publish", "--to", CHANNEL, *SIGNED)
    assert (done.returncode, "chmod 600" in done.stderr) == (2, True)


def test_a_decision_point_follows_the_channel_through_a_change_of_keys(place: Path) -> None:
    publish(place)
    shutil.copy(place / "trust.json", place / "first.json")
    (place / "toolgate.yaml").write_text(CONFIG.replace("trust.json", "first.json"))
    with running(place) as pdp:
        assert pdp.until("bundle_activated")["generation"] == 1
        address = pdp.address
        good(place, "bundle", "keygen", "keys/new.pem")
        old = shown(place)["signatures"][0]
        both = ("--key", "keys/bundle.pem", "--key", "keys/new.pem")
        added = [text for role in ("root", "bundle", "freshness") for text in ("--add", f"{role}=keys/new.pub")]
        good(place, "bundle", "trust", "rotate", *added, "--remove", old[:15], *both)
        pdp.seen.clear()
        good(place, "publish", "--to", CHANNEL, "--key", "keys/new.pem", "--trust", "trust.json")
        assert pdp.until("trust_advanced")["trust"] == 2
        assert pdp.until("bundle_activated")["generation"] == 2
        # Who still has the old key signs a bundle under the first root of trust, which the channel then shows.
        edit(place)
        stolen = ("--key", "keys/bundle.pem", "--trust", "first.json")
        good(place, "bundle", "build", "-o", "evil.bundle")
        good(place, "bundle", "sign", "evil.bundle", "--serial", "3", *stolen)
        good(place, "bundle", "push", "evil.bundle", CHANNEL, "--trust", "first.json")
        assert "`bundle` keys of trust 2 have signed" in pdp.until("bundle_untrusted")["problems"][0]
        state = httpx.get(f"{address}/readyz").json()
        assert (state["generation"], "trust 2" in state["bundle_error"]) == (2, True)
    with running(place) as pdp:
        assert pdp.until("bundle_restored")["generation"] == 2


def test_folders_in_a_repository_are_published_as_committed(place: Path, require_tool: RequireTool) -> None:
    git = require_tool("git", install="apt-get install git")

    def run(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run([git, *who, *arguments], cwd=place, check=True, capture_output=True)

    run("init", "--quiet")
    run("add", "policies", "schemas", "policy-tests")
    run("commit", "--quiet", "-m", "first")
    publish(place)
    assert shown(place)["origin"].startswith("commit ")
    edit(place)
    done = toolgate_here(place, "publish", "--to", CHANNEL, *SIGNED)
    assert (done.returncode, "commit them" in done.stderr) == (2, True)


def test_a_statement_is_renewed_again_and_again_whatever_happens_to_the_channel(place: Path) -> None:
    publish(place)
    command = [*TOOLGATE, "bundle", "refresh", CHANNEL, *SIGNED, "--every", "20ms"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert "is the newest as of" in process.stdout.readline()
            (place / "channel" / "current.json").rename(place / "aside")
            (place / "channel" / "current.json").mkdir()
            assert process.stderr.readline().startswith("not renewed: ")
            (place / "channel" / "current.json").rmdir()
            (place / "aside").rename(place / "channel" / "current.json")
            while "newest" not in process.stdout.readline():
                pass
        finally:
            process.kill()
    assert "the newest as of" in good(place, "bundle", "verify", CHANNEL, "--trust", "trust.json")


def test_an_old_bundle_that_a_channel_shows_is_not_said_to_be_the_newest(place: Path) -> None:
    memory = ("--remember", "keys/signed.json")
    publish(place, *memory)
    edit(place)
    publish(place, *memory)
    old = (place / "channel" / "serials" / "1.json").read_bytes()
    (place / "channel" / "current.json").write_bytes(old)
    for command in (("bundle", "refresh", CHANNEL, *SIGNED), ("publish", "--to", CHANNEL, *SIGNED)):
        done = toolgate_here(place, *command, *memory)
        assert (done.returncode, "serial 1 is older than 2" in done.stderr) == (2, True)
    assert (place / "channel" / "current.json").read_bytes() == old
    # Whoever remembers nothing believes what was signed: this is what the option is for.
    assert "serial 1 is the newest" in good(place, "bundle", "refresh", CHANNEL, *SIGNED)
