import re
from pathlib import Path

from pdp.core.contract.reason_code import ReasonCode


def test_every_reason_code_is_documented_and_every_documented_one_exists(root: Path) -> None:
    text = (root / "docs" / "reason-codes.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert documented == {code.value for code in ReasonCode}
