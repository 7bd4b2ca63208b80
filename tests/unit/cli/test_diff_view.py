import io
import json
import re

import msgspec
import pytest

from pdp.audit.comparison_summary import summaries
from pdp.cli.diff_view import print_summaries
from pdp.cli.log_view import Output
from pdp.core.contract.comparison_record import Answered, ComparisonRecord
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Change, Effect
from tests.unit.audit.sample import HOSTILE, comparison, difference
from tests.unit.cli.test_log_view import ACTS


def shown(*records: ComparisonRecord, output: Output = Output.TABLE, limit: int = 100) -> str:
    stream = io.StringIO()
    print_summaries(summaries(records), output, limit=limit, stream=stream)
    return stream.getvalue()


def test_a_summary_says_what_was_compared_and_what_differs() -> None:
    failed = difference(2, change=Change.FAILED, shadow=None, failure="KeyError", actor=None)
    record = comparison(
        1,
        different=7,
        changes={Change.ALLOW_TO_DENY: 6, Change.FAILED: 1},
        differences=[difference(1), difference(3), failed],
        detail="a note",
    )
    head, _, table = shown(record).partition("\n\n")
    assert head.splitlines() == [
        "canary sha256:ff",
        "  beside generation 7 (sha256:00)",
        "  12.5 % of the requests from 2026-07-28T09:00:00.000Z to 2026-07-28T09:00:01.000Z",
        "  10 compared, 2 incomparable, 1 skipped, 7 different",
        "  allow to deny 6, shadow failed 1",
        "  a note",
    ]
    *rows, rest = [re.split(r" {2,}", line.strip()) for line in table.splitlines()]
    assert rows == [
        ["requests", "tool", "change", "active", "canary", "for example", "decision"],
        [
            "2",
            "git/git_log",
            "allow to deny",
            "allowed: engineers-read",
            "forbidden_by_policy: freeze",
            "corp|alice by corp|agent",
            "decision-3",
        ],
        ["1", "git/git_log", "shadow failed", "allowed: engineers-read", "KeyError", "corp|alice", "decision-2"],
    ]
    assert rest == ["4 further differences were counted, not listed"]


def test_without_a_difference_there_is_no_table() -> None:
    same = comparison(1, different=0, changes={}, differences=[])
    assert [line.strip() for line in shown(same).splitlines()][3:] == [
        "10 compared, 2 incomparable, 1 skipped, 0 different"
    ]


def test_the_most_frequent_are_shown_and_it_is_said_that_there_are_more() -> None:
    record = comparison(1, different=4, differences=[difference(n, tool=f"t{n // 2}") for n in range(4)])
    text = shown(record, limit=1)
    assert ("git/t0" in text, "git/t1" in text) == (True, False)
    assert "these are the 1 most frequent of 2" in text


def test_many_policies_and_bundles_are_cut_and_counted() -> None:
    many = Answered(Effect.ALLOW, ReasonCode.ALLOWED, [f"p{n}" for n in range(20)])
    records = [comparison(n, bundle=f"b{n}", differences=[difference(n, active=many)]) for n in range(1, 9)]
    text = shown(*records)
    assert "p0, p1, p10, p11, p12 and 15" in text
    assert "generation 7 (b8) and 3 more" in text


def test_json_has_a_line_for_each_canary_with_all_of_it() -> None:
    lines = shown(comparison(1), comparison(2, shadow="sha256:ee"), output=Output.JSON).splitlines()
    first, second = map(json.loads, lines)
    assert (first["shadow"], second["shadow"]) == ("sha256:ff", "sha256:ee")
    assert first == {
        "shadow": "sha256:ff",
        "beside": [{"generation": 7, "bundle": "sha256:00"}],
        "percents": [12.5],
        "since": "2026-07-28T09:00:00.000Z",
        "until": "2026-07-28T09:00:01.000Z",
        "compared": 10,
        "incomparable": 2,
        "skipped": 1,
        "different": 1,
        "changes": {"allow_to_deny": 1},
        "notes": [],
        "listed": 1,
        "groups": [
            {
                "tool": "git/git_log",
                "change": "allow_to_deny",
                "count": 1,
                "active_policies": {"engineers-read": 1},
                "shadow_policies": {"freeze": 1},
                "example": msgspec.to_builtins(difference()),
            }
        ],
    }


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 100])
def test_no_record_acts_on_a_terminal_and_json_holds_it_as_it_is(text: str) -> None:
    answered = Answered(Effect.ALLOW, ReasonCode.ALLOWED, [text])
    one = difference(
        decision_id=text, server=text, tool=text, principal=text, actor=text, active=answered, shadow=answered
    )
    failed = difference(change=Change.FAILED, shadow=None, failure=text)
    record = comparison(
        1, bundle=text, shadow=text, since=text, time=text, detail=text, different=2, differences=[one, failed]
    )
    for output in (Output.TABLE, Output.JSON):
        assert not ACTS.search(shown(record, output=output))
    (found,) = [json.loads(line) for line in shown(record, output=Output.JSON).splitlines()]
    assert (found["shadow"], found["notes"]) == (text, [text])
    assert msgspec.to_builtins(one) in [group["example"] for group in found["groups"]]
