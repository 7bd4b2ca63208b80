import io
import json
import re

import msgspec
import pytest

from pdp.cli.drift_view import print_drifts
from pdp.cli.log_view import Output
from pdp.core.contract.record import DriftRecord
from pdp.core.contract.record_terms import DriftState
from tests.unit.audit.sample import HOSTILE, drift
from tests.unit.cli.test_log_view import ACTS


def shown(*records: DriftRecord, output: Output = Output.TABLE) -> str:
    stream = io.StringIO()
    print_drifts(records, output, stream=stream)
    return stream.getvalue()


def test_a_row_says_what_became_of_which_tool() -> None:
    flood = drift(4, state=DriftState.UNKNOWN, tool=None, approved=None, offered=None, count=9000)
    twin = drift(5, state=DriftState.UNKNOWN, tool="Git_Log", approved=None, twin="git/git_log")
    rows = [re.split(r" {2,}", line.strip()) for line in shown(drift(3), flood, twin).splitlines()]
    assert rows == [
        ["time", "state", "tool", "twin of", "approved", "offered", "writer"],
        [drift(3).time, "changed", "git/git_log", "-", "sha256:aa", "sha256:bb", "gateway"],
        [flood.time, "unknown", "git: 9000 more", "-", "-", "-", "gateway"],
        [twin.time, "unknown", "git/Git_Log", "git/git_log", "-", "sha256:bb", "gateway"],
    ]


def test_nothing_is_printed_for_nothing() -> None:
    assert shown() == shown(output=Output.JSON) == ""


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 100])
def test_no_record_acts_on_a_terminal_and_json_holds_it_as_it_is(text: str) -> None:
    record = drift(1, server=text, tool=text, twin=text, approved=text, offered=text, detail=text)
    for output in (Output.TABLE, Output.JSON):
        assert not ACTS.search(shown(record, output=output))
    assert json.loads(shown(record, output=Output.JSON)) == msgspec.to_builtins(record)
