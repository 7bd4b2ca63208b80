"""The published schema of records, and a decision point that holds every record against it."""

import json
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

    async def commit(self, record: Record) -> None:
        VALIDATOR.validate(plain(record))
        await super().commit(record)
