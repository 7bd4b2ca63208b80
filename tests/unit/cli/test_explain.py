import io
import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from pdp.cli.main import run
from pdp.cli.verbs import GROUP
from tests.snapshots import tool_snapshot

FOUND = [EntryPoint("explain", "pdp.cli.explain:explain", GROUP)]
POLICY = """@id("pay") @message("small payments alone")
permit(principal in Mcp::Group::"dev|eng", action == Mcp::Action::"bank/pay", resource)
when { context.arguments.amount < 100 && context.arguments.to == "ann" };
"""
DEFINITION = {
    "name": "pay",
    "inputSchema": {
        "type": "object",
        "properties": {"to": {"type": "string"}, "amount": {"type": "integer"}, "pin": {"type": "string"}},
        "required": ["to", "amount"],
    },
}
CATALOG = "version: 1\nservers: {bank: {tools: {pay: {arguments: {to: secret}}}}}\n"
NOW = ("--now", "2026-07-28T09:00:00Z")
ANN = ("bank/pay", "--as", "dev|ann", "--group", "dev|eng")

Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    monkeypatch.chdir(tmp_path)
    snapshot = tmp_path / "schemas" / "bank" / "pay.json"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(tool_snapshot(DEFINITION))
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "pay.cedar").write_text(POLICY)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["explain", *arguments], found=FOUND)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_denied_call_is_explained_down_to_the_condition(explain: Explain) -> None:
    code, out, _ = explain(*ANN, "-a", "to=ann", "-a", "amount=100", *NOW)
    assert code == 0
    assert (
        out
        == """denied: no_policy_allows

1 of 1 policies can match this principal, action and resource:
  permit pay: does not apply (policies/pay.cedar:1)
      when context.arguments.amount < 100  -> false
             context.arguments.amount is there, its value masked
        && context.arguments.to == "ann"  -> not evaluated

depends on: /context/arguments/amount, /context/arguments/to
cacheable: while the bundle stays the same
entities:
  Mcp::Action::"bank/pay" in Mcp::Action::"tools/call"
  Mcp::Action::"tools/call"
  Mcp::Group::"dev|eng"
  Mcp::Server::"bank"
  Mcp::Tool::"bank/pay" in Mcp::Server::"bank"
  Mcp::User::"dev|ann" in Mcp::Group::"dev|eng"
"""
    )


def test_values_are_shown_when_they_are_asked_for_but_secrets_never(explain: Explain) -> None:
    Path("policies/catalog.yaml").write_text(CATALOG)
    code, out, _ = explain(*ANN, "-a", "to=ann", "-a", "amount=7", "--show-values", *NOW)
    assert (code, out.splitlines()[0]) == (0, "allowed: allowed")
    assert "context.arguments.amount is 7\n" in out
    assert "context.arguments.to is there, its value masked\n" in out


def test_a_request_as_an_enforcer_sends_it_is_explained(explain: Explain, monkeypatch: pytest.MonkeyPatch) -> None:
    request = {
        "subject": {"type": "user", "id": "dev|ann", "properties": {"groups": ["dev|eng"]}},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "bank/pay"},
        "context": {"arguments": {"to": "ann", "amount": 7}},
    }
    Path("request.json").write_text(json.dumps(request))
    code, out, _ = explain("--request", "request.json", "--json", *NOW)
    assert code == 0
    told: dict[str, Any] = json.loads(out)
    assert (told["decision"], told["reason_code"], told["policies"]) == (True, "allowed", ["pay"])
    assert told["vary"] == ["/context/arguments/amount", "/context/arguments/to"]
    assert [policy["outcome"] for policy in told["slice"]["policies"]] == ["applies"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(request).encode())))
    assert explain("--request", "-", "--json", *NOW)[1] == out


def test_arguments_take_the_type_that_the_tool_declares(explain: Explain) -> None:
    code, out, _ = explain(*ANN, "-a", "to=7", "-a", "amount:=7", "--show-values", *NOW)
    assert (code, out.splitlines()[0]) == (0, "denied: no_policy_allows")
    assert 'context.arguments.to is "7"\n' in out


def test_arguments_are_checked_as_an_enforcer_checks_them(explain: Explain) -> None:
    code, out, _ = explain(*ANN, "-a", "to=ann", "-a", "amount:=true", *NOW)
    assert (code, out) == (0, "denied: arguments_invalid\n  message: invalid arguments: `/amount` breaks `type`\n")


def test_a_decision_that_depends_on_the_clock_says_until_when_it_holds(explain: Explain) -> None:
    clocked = '@id("t") permit(principal, action, resource) when { context.now < datetime("2026-07-28T12:00:00Z") };'
    Path("policies/pay.cedar").write_text(clocked)
    arguments = (*ANN, "-a", "to=ann", "-a", "amount=1", *NOW)
    assert "cacheable: until 2026-07-28T12:00:00.000Z, while the bundle stays the same\n" in explain(*arguments)[1]
    assert json.loads(explain(*arguments, "--json")[1])["holds_until"] == "2026-07-28T12:00:00.000Z"


def test_nothing_from_a_caller_or_a_policy_acts_on_the_terminal(explain: Explain) -> None:
    code, out, _ = explain("bank/pay", "--as", "dev|\x1b[31mann", "-a", "to=\x1b]0;x\x07", "-a", "amount=1", *NOW)
    assert code == 0
    assert "\x1b" not in out
    assert "dev|\\x1b[31mann" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bank/pay",), "name the tool and, with `--as`, who calls it"),
        ((*ANN, "--request", "x.json"), "leave out TOOL and `--as`"),
        ((*ANN, "-a", "nothing"), "`nothing` is no argument: write NAME=TEXT, or NAME:=JSON"),
        ((*ANN, "-a", "amount=x"), "the value of `amount=x` is not JSON"),
        ((*ANN, "--now", "yesterday"), "`--now yesterday` is no time"),
        ((*ANN, "--now", "2026-07-28T09:00:00"), "is no time as 2026-07-28T09:00:00Z"),
        (("--request", "missing.json"), "`missing.json` cannot be read"),
        (("--request", "policies/pay.cedar"), "`policies/pay.cedar` is no evaluation request"),
        (("--request", "schemas/bank/pay.json"), "`schemas/bank/pay.json` is no evaluation request"),
        ((*ANN, "--config", "toolgate.yaml", "--policies", "p"), "leave out `--policies` and `--schemas`"),
    ],
)
def test_what_cannot_be_explained_is_said(explain: Explain, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = explain(*arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_its_help_has_an_example(explain: Explain) -> None:
    code, out, _ = explain("--help")
    assert code == 0
    assert "Example: toolgate explain" in out
