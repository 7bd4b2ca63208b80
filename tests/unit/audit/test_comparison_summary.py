import pytest

from pdp.audit import comparison_summary
from pdp.audit.comparison_summary import summaries
from pdp.core.contract.comparison_record import Answered
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import Change, Effect
from tests.unit.audit.sample import comparison, difference


def test_records_of_one_canary_add_up_whatever_they_were_beside() -> None:
    (one,) = summaries(
        [
            comparison(1, percent=10.0),
            comparison(2, generation=8, bundle="sha256:11", since="2026-07-28T08:00:00.000Z", detail="a note"),
        ]
    )
    assert (one.compared, one.skipped, one.incomparable, one.different, one.listed) == (20, 2, 4, 2, 2)
    assert (one.since, one.until) == ("2026-07-28T08:00:00.000Z", "2026-07-28T09:00:02.000Z")
    assert list(one.beside) == [(7, "sha256:00"), (8, "sha256:11")]
    assert (one.percents, one.notes, one.changes) == ({10.0, 12.5}, {"a note"}, {Change.ALLOW_TO_DENY: 2})


def test_each_canary_has_a_summary_and_the_one_tried_last_comes_last() -> None:
    found = summaries([comparison(3), comparison(1, shadow="sha256:ee"), comparison(2, shadow="sha256:dd")])
    assert [one.shadow for one in found] == ["sha256:ee", "sha256:dd", "sha256:ff"]


def test_differences_are_grouped_by_tool_and_change_and_the_newest_is_the_example() -> None:
    other = Answered(Effect.DENY, ReasonCode.FORBIDDEN_BY_POLICY, ["freeze", "night"])
    record = comparison(
        1,
        different=5,
        differences=[
            difference(1, tool="b"),
            difference(3, principal="corp|bob", shadow=other),
            difference(2),
            difference(4, change=Change.MESSAGE),
        ],
    )
    (one,) = summaries([record])
    groups = one.groups()
    assert [(group.subject, group.change, group.count) for group in groups] == [
        ("git/git_log", Change.ALLOW_TO_DENY, 2),
        ("git/b", Change.ALLOW_TO_DENY, 1),
        ("git/git_log", Change.MESSAGE, 1),
    ]
    assert (groups[0].example.principal, groups[0].active, groups[0].shadow) == (
        "corp|bob",
        {"engineers-read": 2},
        {"freeze": 2, "night": 1},
    )
    assert one.different - one.listed == 1


def test_what_would_need_too_many_groups_or_names_is_counted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_summary, "MOST_GROUPS", 2)
    monkeypatch.setattr(comparison_summary, "MOST_NAMES", 3)
    many = Answered(Effect.ALLOW, ReasonCode.ALLOWED, [f"p{n}" for n in range(50)])
    differences = [difference(n, tool=f"t{n}", active=many) for n in range(5)]
    records = [comparison(n, bundle=f"b{n}", detail=f"d{n}", different=5, differences=differences) for n in range(1, 6)]
    (one,) = summaries(records)
    assert (len(one.groups()), one.listed, one.different) == (2, 10, 25)
    assert (len(one.beside), len(one.notes), len(one.groups()[0].active)) == (3, 3, 3)
