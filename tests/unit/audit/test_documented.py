import re
from pathlib import Path

from pdp.core.contract.record import DecisionRecord, DriftRecord, DriftState, OutcomeRecord


def documented(text: str, table: str) -> set[str]:
    rows = text.partition(f"| {table} | |\n")[2].partition("\n\n")[0].splitlines()[1:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_member_of_a_record_is_documented_and_no_other(root: Path) -> None:
    text = (root / "docs" / "decision-log.md").read_text()
    assert documented(text, "decision") == set(DecisionRecord.__struct_fields__)
    assert documented(text, "outcome") == set(OutcomeRecord.__struct_fields__)
    assert documented(text, "drift") == set(DriftRecord.__struct_fields__)
    states = text.partition("| state | means |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", states, re.MULTILINE)) == set(DriftState)
