"""The published schema of records, and a decision point that holds every record against it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from enforcers.testing.decision_point import InMemoryDecisionPoint
from pdp.core.contract.record import Record

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "docs" / "record.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(PUBLISHED)


def plain(record: Record) -> Any:
    """`record` as JSON has it."""
    return json.loads(msgspec.json.encode(record))


class ValidatingDecisionPoint(InMemoryDecisionPoint):
    """Takes only records that are as the schema says."""

    async def append(self, records: Sequence[Record]) -> None:
        before = len(self.records)
        await super().append(records)
        for record in self.records[before:]:
            VALIDATOR.validate(plain(record))
