"""`toolgate log schema`: the JSON Schema of records."""

import json
import sys

from pdp.core.contract.record_schema import record_schema


def schema() -> None:
    """Print the JSON Schema of records.

    Example: toolgate log schema > record.schema.json
    """
    sys.stdout.write(f"{json.dumps(record_schema(), indent=2, ensure_ascii=False)}\n")
