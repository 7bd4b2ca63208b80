import sys
from contextlib import closing
from pathlib import Path

import pytest

from pdp.audit.location import log_address, open_reader, open_store
from pdp.audit.query import Query
from pdp.core.contract.errors import UnusableError
from pdp.core.settings.decision_point import LogSettings
from tests.unit.audit.sample import decision, put


def test_a_relative_path_is_relative_to_the_configuration(tmp_path: Path) -> None:
    with closing(open_store(LogSettings(url="sqlite:///deep/er.db"), base=tmp_path)) as store:
        put(store, [decision()])
    with closing(open_reader(LogSettings(url=f"sqlite:///{tmp_path}/deep/er.db"), base=Path("/nowhere"))) as reader:
        assert [entry.decision for entry in reader.find(Query())] == [decision()]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "toolgate.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a?mode=memory",
        "mysql://h/d",
        "postgresql+asyncpg://h/d",
        "postgresql://h",
        "postgresql://h/",
        "postgresql://h:port/d",
        "mariadb://[::1/d",
    ],
)
def test_a_log_that_would_not_last_or_is_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(UnusableError, match="names no decision log"):
        log_address(url, base=Path())


SECRET = "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@127.0.0.1:1/d",
        f"postgresql+psycopg://127.0.0.1:1/d?user=user&password={SECRET}",
        f"mariadb://user:{SECRET}@127.0.0.1:1/d",
        f"oracle://user:{SECRET}@127.0.0.1:1/d",
        f"postgresql://user:{SECRET}@127.0.0.1:port/d",
        f"postgresql://user:{SECRET}@h",
        f"sqlite:///a?password={SECRET}",
    ],
)
def test_a_password_is_in_no_message(url: str) -> None:
    with pytest.raises(UnusableError) as caught:
        open_store(LogSettings(url=url), base=Path())
    told: BaseException | None = caught.value
    assert SECRET not in str(told)
    assert SECRET not in repr(told)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("postgresql://127.0.0.1:1/d", "psycopg", "toolgate[postgres]"),
        ("mariadb://127.0.0.1:1/d", "pymysql", "toolgate[mariadb]"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnusableError) as caught:
        open_store(LogSettings(url=url), base=Path())
    assert f"needs `{module}`" in str(caught.value)
    assert extra in str(caught.value)
