from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.location import file_of, open_reader, open_store
from pdp.audit.query import Query
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.decision_point import LogSettings
from tests.unit.audit.sample import decision, put


def test_a_relative_path_is_relative_to_the_configuration(tmp_path: Path) -> None:
    with closing(open_store(LogSettings(url="sqlite:///deep/er.db"), base=tmp_path)) as store:
        put(store, [decision()])
    with closing(open_reader(f"sqlite:///{tmp_path}/deep/er.db", base=Path("/nowhere"))) as reader:
        assert [entry.decision for entry in reader.find(Query())] == [decision()]


@pytest.mark.parametrize(
    "url",
    ["", "toolgate.db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///a?mode=memory", "postgresql://h/d"],
)
def test_a_log_that_would_not_last_or_is_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(UnusableError, match="names no decision log"):
        file_of(url, base=Path())
