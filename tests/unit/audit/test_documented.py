import re
from pathlib import Path

from pdp.core.contract.comparison_record import Answered, ComparisonRecord, Difference
from pdp.core.contract.record import DecisionRecord, DriftRecord, OutcomeRecord, ReadingRecord
from pdp.core.contract.record_terms import Change, DriftState, NotReplayable, ObligationState, UpstreamFailure, Withheld


def documented(text: str, table: str, *, column: int = 1) -> set[str]:
    rows = text.partition(f"| {table} | |\n")[2].partition("\n\n")[0].splitlines()[1:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[column])}


def test_every_member_of_a_record_is_documented_and_no_other(root: Path) -> None:
    text = (root / "docs" / "decision-log.md").read_text()
    assert documented(text, "decision") == set(DecisionRecord.__struct_fields__)
    assert documented(text, "outcome") == set(OutcomeRecord.__struct_fields__)
    assert documented(text, "drift") == set(DriftRecord.__struct_fields__)
    assert documented(text, "reading") == set(ReadingRecord.__struct_fields__)
    parts = {*Change, *Difference.__struct_fields__, *Answered.__struct_fields__}
    assert {one for one in documented(text, "comparison", column=2) if one in parts} == parts
    assert documented(text, "comparison") == set(ComparisonRecord.__struct_fields__)
    states = text.partition("| state | means |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", states, re.MULTILINE)) == set(DriftState)


def test_every_word_that_a_member_can_have_is_documented(root: Path) -> None:
    text = (root / "docs" / "decision-log.md").read_text()

    def words(table: str) -> set[str]:
        rows = text.partition(table)[2].partition("\n\n")[0].splitlines()[2:]
        return {word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])}

    assert words("| `not_replayable` | |") == set(NotReplayable)
    assert words("| in `withheld` | in `arguments` |") == set(Withheld)
    for word in (*ObligationState, *UpstreamFailure):
        assert f"`{word}`" in text, word
