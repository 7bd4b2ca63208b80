"""`toolgate accounts`: what cannot be done says why, and no password leaves in the clear."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.flow.pdp_process import toolgate_here
from tests.mail_sink import Sink, listening

EMAIL = "alice@example.com"


def write(folder: Path, sink: Sink) -> None:
    mail = {"host": "127.0.0.1", "port": sink.port, "security": "unsafe_plain", "sender": "toolgate@example.com"}
    identity = {
        "local_issuer": {"issuer": "https://gate.example.com", "audience": "https://gate.example.com/mcp"},
        "local_accounts": {"mail": mail},
    }
    (folder / "toolgate.yaml").write_text(json.dumps({"version": 1, "identity": identity}))


def test_an_operator_invites_again_disables_and_enables(tmp_path: Path) -> None:
    with listening(None) as sink:
        write(tmp_path, sink)
        for _ in range(2):
            assert toolgate_here(tmp_path, "accounts", "invite", "Alice@Example.com", "--group", "eng").returncode == 0
        assert [to for to, _, _ in sink.taken] == [[EMAIL], [EMAIL]]
        states = []
        for verb in ("disable", "enable", "disable"):
            toolgate_here(tmp_path, "accounts", verb, EMAIL)
            (row,) = json.loads(toolgate_here(tmp_path, "accounts", "list", "--json").stdout)["accounts"]
            states.append(row["state"])
        assert states == ["disabled", "invited", "disabled"]
        assert toolgate_here(tmp_path, "accounts", "list").stdout == f"disabled  {EMAIL}  eng\n"
        again = toolgate_here(tmp_path, "accounts", "invite", EMAIL)
        assert (again.returncode, again.stdout, "disabled" in again.stderr) == (2, "", True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("invite", "alice"), "e-mail address"),
        (("invite", "alice@example.com\r\nBcc: eve@example.com"), "e-mail address"),
        (("disable", "nobody@example.com"), "toolgate accounts list"),
        (("reset", "nobody@example.com"), "toolgate accounts list"),
        (("login", EMAIL, "--url", "http://gate.example.com"), "not https"),
        (("join", "--url", "http://gate.example.com"), "not https"),
        (("login", EMAIL, "--url", "http://127.0.0.1:1"), "does not answer"),
    ],
)
def test_what_cannot_be_done_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    with listening(None) as sink:
        write(tmp_path, sink)
        ended = toolgate_here(tmp_path, "accounts", *arguments)
        assert (ended.returncode, ended.stdout, why in ended.stderr) == (2, "", True)
        assert sink.taken == []


def test_a_mail_server_that_is_gone_is_said(tmp_path: Path) -> None:
    with listening(None) as sink:
        write(tmp_path, sink)
    ended = toolgate_here(tmp_path, "accounts", "invite", EMAIL)
    assert (ended.returncode, ended.stdout, "mail server" in ended.stderr) == (2, "", True)


def test_without_the_settings_it_says_which_are_missing(tmp_path: Path) -> None:
    (tmp_path / "toolgate.yaml").write_text("version: 1\n")
    ended = toolgate_here(tmp_path, "accounts", "list")
    assert (ended.returncode, "identity.local_accounts" in ended.stderr) == (2, True)
