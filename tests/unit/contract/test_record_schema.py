import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from pdp.core.contract.comparison_record import ComparisonRecord
from pdp.core.contract.record import DecisionRecord, DriftRecord, OutcomeRecord, ReadingRecord, Record
from pdp.core.contract.record_schema import DESCRIPTIONS, record_schema
from pdp.core.contract.sealed import sealed_json
from tests.record_schema import PUBLISHED, VALIDATOR, plain

COMMON: dict[str, Any] = {
    "id": "i", "time": "2026-07-28T09:00:00.000Z", "writer": "w", "boot": "b", "sequence": 1, "version": 2,
}  # fmt: skip
EXAMPLES: list[dict[str, Any]] = [
    {
        "kind": "decision", **COMMON, "effect": "deny", "reason_code": "obligation_unknown", "origin": "cached",
        "transport": "stdio", "latency_us": 12, "method": "tools/call", "attributes": {"level": 3, "teams": ["a"]},
        "delegation": ["corp|near", "corp|far"], "obligation_states": {"watermark": "unknown"},
        "decided_at": "2026-07-28T09:00:00.000Z", "arguments": {"a": {"hmac": "sha256:0"}},
        "withheld": {"/a": "hashed"},
        "left_out": {"shown": {"count": 3, "digest": "sha256:0"}}, "not_replayable": "arguments_hashed", "shown": [],
    },
    {
        "kind": "outcome", **COMMON, "decision": "d", "fate": "failed", "reason_code": "upstream_unavailable",
        "latency_us": 12, "upstream_error": -32602, "upstream_failure": "timeout",
    },
    {"kind": "drift", **COMMON, "server": "s", "state": "changed", "reason_code": "tool_changed", "tool": "t"},
    {
        "kind": "comparison", **COMMON, "generation": 1, "bundle": "sha256:0", "shadow": "sha256:1", "percent": 12.5,
        "since": "2026-07-28T08:00:00.000Z", "compared": 2, "changes": {"policies": 1}, "different": 1,
        "differences": [
            {
                "decision_id": "d", "time": "2026-07-28T08:30:00.000Z", "change": "policies",
                "active": {"decision": "allow", "reason_code": "allowed", "policies": ["a"], "more": 0},
            }
        ],
    },
    {"kind": "reading", **COMMON, "reader": "alice@host", "command": "log query", "asked": {"since": "1h"}, "found": 3},
]  # fmt: skip


def test_the_published_schema_is_the_one_that_the_types_make(root: Path) -> None:
    text = (root / "docs" / "record.schema.json").read_text()
    assert text == f"{json.dumps(record_schema(), indent=2, ensure_ascii=False)}\n"


def test_it_is_a_schema_of_its_dialect() -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)


def test_every_member_of_every_kind_is_described_and_nothing_else() -> None:
    members = {name for kind in PUBLISHED["$defs"].values() for name in kind.get("properties", {})}
    assert members == set(DESCRIPTIONS)


@pytest.mark.parametrize("kind", [DecisionRecord, OutcomeRecord, DriftRecord, ComparisonRecord, ReadingRecord])
def test_the_schema_has_every_member_of_the_type(kind: type[Record]) -> None:
    assert set(PUBLISHED["$defs"][kind.__name__]["properties"]) == {"kind", *kind.__struct_fields__}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["kind"]))
def test_what_is_a_record_for_the_code_is_one_for_the_schema(example: dict[str, Any]) -> None:
    VALIDATOR.validate(example)
    VALIDATOR.validate(plain(sealed_json(example).record))


def mutants() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for example in EXAMPLES:
        kind = example["kind"]
        found.append((f"{kind}: unknown member", example | {"more": 1}))
        found.append(
            (f"{kind}: without a version", {name: value for name, value in example.items() if name != "version"})
        )
        found.append((f"{kind}: of another kind", example | {"kind": "verdict"}))
        for name, value in example.items():
            wrong: Any = [] if not isinstance(value, list) else {}
            found.append((f"{kind}: {name} of another type", example | {name: wrong}))
    decision = EXAMPLES[0]
    found.append(("unknown word", decision | {"effect": "perhaps"}))
    found.append(("inner unknown member", decision | {"left_out": {"shown": {"count": 1, "digest": "d", "x": 1}}}))
    found.append(("inner unknown word", decision | {"withheld": {"/a": "lost"}}))
    found.append(("no time", decision | {"time": "yesterday"}))
    found.append(("sequence 0", decision | {"sequence": 0}))
    return found


@pytest.mark.parametrize(("name", "mutant"), mutants(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_no_record_is_none_for_the_schema(name: str, mutant: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(mutant), name


@pytest.mark.parametrize(("name", "mutant"), mutants(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_the_schema_refuses_by_its_types_the_code_refuses_too(name: str, mutant: dict[str, Any]) -> None:
    if name in {"no time", "sequence 0"} or name.endswith("without a version"):
        return
    with pytest.raises(msgspec.ValidationError):
        sealed_json(mutant)
