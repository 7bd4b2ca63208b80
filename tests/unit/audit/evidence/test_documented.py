import re
from pathlib import Path

from pdp.audit.evidence.finding import Damage


def test_every_kind_of_damage_is_documented_and_every_documented_one_exists(root: Path) -> None:
    text = (root / "docs" / "decision-log.md").read_text()
    table = text.partition("### Verifying")[2].partition("### One record")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {code for row in rows for code in re.findall(r"`(\w+)`", row)} == {code.value for code in Damage}
