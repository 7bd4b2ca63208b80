import json

from pdp.policytest.report import Detail, as_json, lines
from pdp.policytest.run import Run, run
from tests.unit.policytest.sample import bundle, cases

TWO = """
- {name: good, principal: alice, call: box/get, expect: {decision: allow, policies: [readers]}}
- {name: bad, principal: bob, call: box/get, expect: {decision: allow, policies: [readers], message: x}}
"""


def outcome() -> Run:
    return run(cases(TWO), bundle=bundle())


def test_failures_show_what_was_expected_and_what_came() -> None:
    assert list(lines(outcome(), detail=Detail.FAILURES)) == [
        "FAIL  t.yaml:10  bad",
        "      decision    expected `allow`, got `deny`",
        "      policies    expected readers, got none",
        "      message     expected `x`, got `no policy allows this call`",
        "warn  no passing case names `at-home` as determining",
        "warn  no passing case names `by-day` as determining",
        "warn  no passing case names `writers` as determining",
        "2 cases, 1 passed, 1 failed; 1 of 4 policies exercised",
    ]


def test_every_case_is_told_when_asked_for() -> None:
    assert next(iter(lines(outcome(), detail=Detail.EVERY))) == "ok    t.yaml:9  good"


def test_a_name_stays_on_its_line_and_leaves_the_terminal_alone() -> None:
    name = r'"a\nb"'
    text = f"- {{name: {name}, principal: alice, call: box/get, expect: {{decision: deny}}}}"
    report = list(lines(run(cases(text), bundle=bundle()), detail=Detail.FAILURES))
    assert report[0] == "FAIL  t.yaml:8  a?b"


def test_json_says_the_same() -> None:
    report = as_json(outcome())
    assert json.loads(json.dumps(report)) == report
    assert {key: report[key] for key in ("passed", "failed", "policies", "unexercised")} == {
        "passed": 1,
        "failed": 1,
        "policies": 4,
        "unexercised": ["at-home", "by-day", "writers"],
    }
    assert report["cases"][1] == {
        "name": "bad",
        "file": "t.yaml",
        "line": 10,
        "passed": False,
        "got": {
            "decision": "deny",
            "reason": "no_policy_allows",
            "policies": [],
            "message": "no policy allows this call",
            "obligations": [],
            "errors": [],
            "scopes": [],
        },
        "mismatches": [
            {"member": "decision", "expected": "allow", "got": "deny"},
            {"member": "policies", "expected": ["readers"], "got": []},
            {"member": "message", "expected": "x", "got": "no policy allows this call"},
        ],
    }
