import re
from pathlib import Path

from pdp.cli.verbs import MEMBERS, VERBS
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.checks.code import ACKNOWLEDGEABLE, RULES


def test_every_reason_code_is_documented_and_every_documented_one_exists(root: Path) -> None:
    text = (root / "docs" / "reason-codes.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert documented == {code.value for code in ReasonCode}


def test_every_code_of_a_problem_in_policies_is_documented_with_its_severity(root: Path) -> None:
    text = (root / "docs" / "writing-policies.md").read_text()
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (error|warning) \|", text, re.MULTILINE)
    documented = {code: severity for codes, severity in rows for code in re.findall(r"`(\w+)`", codes)}
    assert documented == {code.value: rule.severity.value for code, rule in RULES.items()}
    acknowledged = text.partition("It takes ")[2].partition(", several")[0]
    assert set(re.findall(r"`(\w+)`", acknowledged)) == ACKNOWLEDGEABLE


def test_every_verb_is_shown_at_work_in_the_docs(root: Path) -> None:
    text = "\n".join(path.read_text() for path in [root / "README.md", *(root / "docs").glob("*.md")])
    names = [*VERBS, *(name.replace(".", " ") for name in MEMBERS)]
    assert [name for name in names if f"toolgate {name}" not in text] == []


def test_every_link_between_docs_leads_somewhere(root: Path) -> None:
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())]
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []
