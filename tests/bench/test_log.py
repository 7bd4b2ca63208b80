"""What the decision log costs the answers: `toolgate serve` without one, with a spooled and with a durable one.

Each answer is of a call that was never made before, by a caller without a credential, so the decision point records
it itself. A line with a log is under load for two minutes at a stretch, between two shorter stretches without; what
the spool has not handed to the store by the end of the load is the writer's lag. In the end each answer has its record.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import httpx
import pytest

from pdp.audit.location import open_reader
from pdp.core.settings.decision_point import LogMode
from tests.bench.load import MARK, Job, Numbers, Tally
from tests.bench.programs import TOOLGATE, LoadGenerator, free_port, load_generator, running
from tests.bench.report import machine
from tests.flow.pdp_process import QUESTION, set_up

SECONDS: Final = float(os.environ.get("TOOLGATE_BENCH_LOG_SECONDS", "120"))
OFF_SECONDS: Final = SECONDS / 6
CONNECTIONS: Final = 32
DRAINED: Final = 300.0
"""Seconds after which what is not in the store counts as lost."""
TARGETS: Final = {LogMode.SPOOLED: 0.75, LogMode.DURABLE: 0.60}
