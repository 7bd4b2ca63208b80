"""What every store of revocations does, on the real database."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.core.contract.errors import Refused, UnusableError
from pdp.core.contract.revocation import RevocationKind, RevocationSet
from pdp.core.settings.decision_point import PdpSettings
from pdp.revocation.location import open_revocations
from pdp.revocation.store import Order, RevocationStore, RevocationsUnavailableError
from tests.conftest import Require
from tests.contract.log_places import LogPlace, server_place, sqlite_place
from tests.database_servers import INSTALL, PostgresServer, Server, postgresql_programs, running
from tests.unit.audit.sample import decision, put

NOW = 1_785_229_200.0
ALICE = Order(RevocationKind.PRINCIPAL, "corp|alice", "left the company")
GIT = Order(RevocationKind.SERVER, "git")


@pytest.fixture(params=["sqlite", "postgresql"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> LogPlace:
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return server_place("postgresql", request.getfixturevalue("postgresql"))


def opened(url: str) -> RevocationStore:
    return open_revocations(PdpSettings.model_validate({"revocations": {"url": url}}), base=Path())


def test_what_one_revokes_the_others_see_with_its_number(there: LogPlace) -> None:
    first, second = opened(there.url), opened(there.url)
    made = [first.revoke(ALICE, by="corp|olga", now=NOW), second.revoke(GIT, by="corp|olga", now=NOW + 1)]
    assert [one.sequence for one in made] == [1, 2]
    assert first.read() == second.read() == RevocationSet(2, tuple(made))
    assert first.lift(ALICE.kind, ALICE.id, by="corp|olga", reason="", now=NOW) == 3
    assert second.lift(ALICE.kind, ALICE.id, by="corp|olga", reason="", now=NOW) is None
    assert second.sequence() == 3
    with pytest.raises(Refused):
        first.revoke(Order(GIT.kind, GIT.id, until=NOW - 1), by="corp|olga", now=NOW)
    assert first.sequence() == 3
    for one in (first, second):
        one.close()


def test_text_of_every_kind_is_kept_as_it_is(there: LogPlace) -> None:
    store = opened(there.url)
    texts = ["'; DROP TABLE revocations; --", "%s :name {0}", "\U0001f600", "A", "a", "\u00e4", "a\u0308"]
    made = [store.revoke(Order(RevocationKind.PRINCIPAL, f"corp|{text}", text), by=text, now=NOW) for text in texts]
    assert store.read() == RevocationSet(len(texts), tuple(made))
    store.close()


WRITER = """
import sys
from pathlib import Path
from pdp.core.contract.revocation import RevocationKind
from pdp.core.settings.decision_point import PdpSettings
from pdp.revocation.location import open_revocations
from pdp.revocation.store import Order

store = open_revocations(PdpSettings.model_validate({"revocations": {"url": sys.argv[1]}}), base=Path())
for number in range(25):
    order = Order(RevocationKind.PRINCIPAL, f"corp|{sys.argv[2]}-{number}")
    print(store.revoke(order, by="corp|olga", now=1.0).sequence)
"""


def test_processes_that_revoke_at_once_get_numbers_without_a_gap(there: LogPlace, root: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, there.url, name], cwd=root, stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    told = [[int(line) for line in process.communicate(timeout=60)[0].splitlines()] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(number for numbers in told for number in numbers) == list(range(1, 51))
    store = opened(there.url)
    assert [one.sequence for one in store.read().revocations] == list(range(1, 51))
    store.close()


def test_the_log_and_the_revocations_may_be_in_one_database(postgresql: Server) -> None:
    place = server_place("postgresql", postgresql)
    store = opened(place.url)
    store.revoke(ALICE, by="corp|olga", now=NOW)
    with place.store() as log:
        put(log, [decision(1)])
        assert len(place.find()) == 1
    assert store.sequence() == 1
    store.close()


def test_another_version_is_refused(postgresql: Server) -> None:
    place = server_place("postgresql", postgresql)
    opened(place.url).close()
    place.execute("UPDATE toolgate_revocations.version SET number = 2")
    with pytest.raises(UnusableError, match="revocations of version 2"):
        opened(place.url)


@pytest.fixture
def own_server(require: Require) -> Iterator[Server]:
    """A PostgreSQL server to be stopped."""
    programs = postgresql_programs()
    require(programs, reason=f"no PostgreSQL here: {INSTALL}")
    assert programs is not None
    with running(PostgresServer(programs)) as server:
        yield server


def test_a_server_that_was_gone_for_a_while_is_used_again(own_server: Server) -> None:
    url = own_server.database()
    store = opened(url)
    store.revoke(ALICE, by="corp|olga", now=NOW)
    own_server.stop()
    for attempt in (store.read, store.sequence, lambda: store.revoke(GIT, by="corp|olga", now=NOW)):
        with pytest.raises(RevocationsUnavailableError) as caught:
            attempt()
        assert "p@ss" not in str(caught.value)
    with pytest.raises(UnusableError):
        opened(url)
    own_server.start()
    assert store.sequence() == 1
    assert store.revoke(GIT, by="corp|olga", now=NOW).sequence == 2
    store.close()
