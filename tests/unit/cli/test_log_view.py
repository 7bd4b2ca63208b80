import io
import json
import re

import msgspec
import pytest

from pdp.audit.query import Entry
from pdp.cli.log_view import Output, json_line, print_entries
from pdp.cli.terminal import visible
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Effect, Fate
from tests.unit.audit.sample import HOSTILE, decision, outcome

ACTS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What can act on a terminal, but the line's own end."""


def shown(*entries: Entry, output: Output = Output.TABLE) -> str:
    stream = io.StringIO()
    print_entries(entries, output, stream=stream)
    return stream.getvalue()


def test_a_row_says_who_did_what_under_which_rule() -> None:
    denied = decision(
        2,
        effect=Effect.DENY,
        reason_code=ReasonCode.FORBIDDEN_BY_POLICY,
        policies=["no-push", "never"],
        actor="corp|agent",
        latency_us=2_500_000,
    )
    listed = decision(3, server=None, tool=None, method="tools/list", principal=None, policies=[])
    text = shown(Entry(1, decision(1), (outcome(2, fate=Fate.TOOL_ERROR),)), Entry(2, denied), Entry(3, listed))
    rows = [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
    assert rows == [
        ["time", "decision", "reason", "principal", "actor", "tool", "policies", "outcome", "latency"],
        [
            decision(1).time,
            "allow",
            "allowed",
            "corp|alice",
            "-",
            "git/git_log",
            "engineers-read",
            "tool_error",
            "1.2 ms",
        ],
        [
            denied.time,
            "deny",
            "forbidden_by_policy",
            "corp|alice",
            "corp|agent",
            "git/git_log",
            "no-push, never",
            "-",
            "2.5 s",
        ],
        [listed.time, "allow", "allowed", "-", "-", "tools/list", "-", "-", "1.2 ms"],
    ]


def test_nothing_is_printed_for_nothing() -> None:
    assert shown() == shown(output=Output.JSON) == ""


def test_rows_go_on_without_a_head() -> None:
    assert len(shown(Entry(1, decision(1)), output=Output.ROWS).splitlines()) == 1


def test_long_values_are_folded_and_not_cut() -> None:
    name = "".join(f"{n:04}" for n in range(100))
    text = shown(Entry(1, decision(1, principal=f"corp|{name}", tool=name)))
    columns = [line[:60] for line in text.splitlines()]
    assert text.count("0099") == 2, columns


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 100])
def test_no_record_acts_on_a_terminal(text: str) -> None:
    record = decision(
        1,
        principal=f"corp|{text}",
        tool=text,
        server=text,
        policies=[text],
        actor=text,
        detail=text,
        arguments={text: text},
    )
    for output in Output:
        printed = shown(Entry(1, record), output=output)
        assert not ACTS.search(printed)
    assert len(shown(Entry(1, record), output=Output.JSON).splitlines()) == 1


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 100])
def test_json_lines_hold_the_record_as_it_is(text: str) -> None:
    record = decision(1, principal=f"corp|{text}", detail=text, arguments={text: text})
    parsed = json.loads(shown(Entry(1, record), output=Output.JSON))
    assert parsed.pop("outcome") is None
    assert parsed == msgspec.to_builtins(record)


def test_json_lines_hold_every_outcome() -> None:
    one, two = outcome(2), outcome(3, fate=Fate.FAILED)
    assert json.loads(json_line(Entry(1, decision(1), (one,))))["outcome"] == msgspec.to_builtins(one)
    both = json.loads(json_line(Entry(1, decision(1), (one, two))))
    assert both["outcomes"] == [msgspec.to_builtins(one), msgspec.to_builtins(two)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain |äöü 漢字", "plain |äöü 漢字"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\\x1b", "\\\\x1b"),
        ("a\nb\t\0", "a\\x0ab\\x09\\x00"),
        ("\x9b\u202e\ufeff", "\\x9b\\u202e\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_not_shown_is_escaped_and_no_two_texts_look_alike(text: str, expected: str) -> None:
    assert visible(text) == expected
