import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pdp.core.contract.errors import Refused, UnusableError
from pdp.core.contract.identifier import rfc3339
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.revocation import Revocation, RevocationKind, RevocationSet
from pdp.core.settings.decision_point import PdpSettings
from pdp.revocation import store as store_module
from pdp.revocation.location import open_revocations
from pdp.revocation.store import Order, RevocationStore, RevocationsUnavailableError

NOW = 1_785_229_200.0
ALICE = Order(RevocationKind.PRINCIPAL, "corp|alice", "left the company")
GIT = Order(RevocationKind.SERVER, "git")


def lift(store: RevocationStore, order: Order, *, now: float = NOW) -> int | None:
    return store.lift(order.kind, order.id, by="corp|olga", reason="", now=now)


def test_what_is_revoked_is_there_after_a_restart_with_its_number(tmp_path: Path) -> None:
    store = RevocationStore(tmp_path / "state" / "r.db")
    made = [store.revoke(ALICE, by="corp|olga", now=NOW), store.revoke(GIT, by="corp|olga", now=NOW + 1)]
    assert made[0] == Revocation(
        1, RevocationKind.PRINCIPAL, "corp|alice", "left the company", "corp|olga", rfc3339(NOW), None
    )
    store.close()
    assert stat.S_IMODE((tmp_path / "state" / "r.db").stat().st_mode) == 0o600
    again = RevocationStore(tmp_path / "state" / "r.db")
    assert again.read() == RevocationSet(2, tuple(made))
    assert again.revoke(Order(RevocationKind.TOOL, "git/git_log"), by="corp|olga", now=NOW).sequence == 3


def test_lifting_is_a_change_with_a_number_of_its_own_and_happens_once(tmp_path: Path) -> None:
    store = RevocationStore(tmp_path / "r.db")
    store.revoke(ALICE, by="corp|olga", now=NOW)
    assert lift(store, GIT) is None
    assert lift(store, ALICE) == 2
    assert lift(store, ALICE) is None
    assert store.read() == RevocationSet(2, ())
    assert store.revoke(ALICE, by="corp|olga", now=NOW).sequence == 3


def test_revoking_again_replaces_the_revocation_and_never_shortens_it(tmp_path: Path) -> None:
    store = RevocationStore(tmp_path / "r.db")

    def until(end: float | None) -> str | None:
        return store.revoke(Order(GIT.kind, GIT.id, until=end), by="corp|olga", now=NOW).until

    assert until(NOW + 60) == rfc3339(NOW + 60)
    assert until(NOW + 30) == rfc3339(NOW + 60)
    assert until(NOW + 90) == rfc3339(NOW + 90)
    assert until(None) is None
    assert until(NOW + 30) is None
    assert [one.sequence for one in store.read().revocations] == [5]


def test_what_is_over_is_cleared_away_by_the_next_change_and_its_number_stays_used(tmp_path: Path) -> None:
    store = RevocationStore(tmp_path / "r.db")
    store.revoke(Order(GIT.kind, GIT.id, until=NOW + 60), by="corp|olga", now=NOW)
    assert lift(store, GIT, now=NOW + 60) is None
    store.revoke(ALICE, by="corp|olga", now=NOW + 60)
    assert [(one.sequence, one.id) for one in store.read().revocations] == [(2, "corp|alice")]


def test_every_change_stays_on_record(tmp_path: Path) -> None:
    store = RevocationStore(tmp_path / "r.db")
    store.revoke(ALICE, by="corp|olga", now=NOW)
    lift(store, ALICE)
    with sqlite3.connect(tmp_path / "r.db") as database:
        rows = database.execute('SELECT sequence, change, id, "by", reason FROM changes ORDER BY sequence').fetchall()
    assert rows == [
        (1, "revoke", "corp|alice", "corp|olga", "left the company"),
        (2, "lift", "corp|alice", "corp|olga", ""),
    ]


@pytest.mark.parametrize(
    "identifier",
    [
        "corp|'; DROP TABLE revocations; --",
        'corp|" OR 1=1',
        "corp|%",
        "corp|_",
        "corp|alice') UNION SELECT 1",
        "corp|${TOOLGATE}",
    ],
)
def test_an_id_is_never_anything_but_an_id(tmp_path: Path, identifier: str) -> None:
    store = RevocationStore(tmp_path / "r.db")
    store.revoke(ALICE, by="corp|olga", now=NOW)
    store.revoke(Order(RevocationKind.PRINCIPAL, identifier), by="corp|olga", now=NOW)
    assert [one.id for one in store.read().revocations] == ["corp|alice", identifier]
    assert store.lift(RevocationKind.PRINCIPAL, identifier, by="corp|olga", reason="", now=NOW) == 3
    assert [one.id for one in store.read().revocations] == ["corp|alice"]


@pytest.mark.parametrize("end", [NOW, NOW - 1, float("nan"), float("inf"), 1e300, -1.0])
def test_an_end_that_is_over_or_never_comes_is_refused(tmp_path: Path, end: float) -> None:
    store = RevocationStore(tmp_path / "r.db")
    with pytest.raises(Refused) as refused:
        store.revoke(Order(GIT.kind, GIT.id, until=end), by="corp|olga", now=NOW)
    assert refused.value.code is ReasonCode.REQUEST_INVALID
    assert store.read() == RevocationSet()


def test_too_many_are_refused_and_take_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_IN_FORCE", 1)
    store = RevocationStore(tmp_path / "r.db")
    store.revoke(ALICE, by="corp|olga", now=NOW)
    with pytest.raises(Refused) as refused:
        store.revoke(GIT, by="corp|olga", now=NOW)
    assert refused.value.code is ReasonCode.LIMIT_EXCEEDED
    assert store.revoke(ALICE, by="corp|olga", now=NOW).sequence == 2


WRITER = """
import sys
from pathlib import Path
from pdp.core.contract.revocation import RevocationKind
from pdp.revocation.store import Order, RevocationStore

store = RevocationStore(Path(sys.argv[1]))
for number in range(25):
    order = Order(RevocationKind.PRINCIPAL, f"corp|{sys.argv[2]}-{number}")
    print(store.revoke(order, by="corp|olga", now=1.0).sequence)
"""


def test_processes_that_revoke_at_once_get_numbers_without_a_gap(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "r.db", name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b", "c")
    ]
    told = [[int(line) for line in process.communicate(timeout=60)[0].splitlines()] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(number for numbers in told for number in numbers) == list(range(1, 76))
    assert all(numbers == sorted(numbers) for numbers in told)
    assert [one.sequence for one in RevocationStore(tmp_path / "r.db").read().revocations] == list(range(1, 76))


def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x)")
    with pytest.raises(UnusableError, match="holds no revocations"):
        RevocationStore(path)
    path.write_bytes(b"no database at all, but long enough to be read as one" * 10)
    with pytest.raises(UnusableError):
        RevocationStore(path)


def test_a_file_that_is_taken_away_is_not_written_to_any_more(tmp_path: Path) -> None:
    store = RevocationStore(tmp_path / "r.db")
    (tmp_path / "r.db").rename(tmp_path / "elsewhere.db")
    for attempt in (store.read, store.sequence, lambda: store.revoke(ALICE, by="corp|olga", now=NOW)):
        with pytest.raises(RevocationsUnavailableError):
            attempt()


def test_revocations_are_in_the_state_folder_unless_a_url_says_otherwise(tmp_path: Path) -> None:
    open_revocations(PdpSettings(), base=tmp_path).close()
    assert (tmp_path / ".toolgate" / "revocations.db").exists()
    elsewhere = PdpSettings.model_validate({"revocations": {"url": "sqlite:///shared/r.db"}})
    open_revocations(elsewhere, base=tmp_path).close()
    assert (tmp_path / "shared" / "r.db").exists()


@pytest.mark.parametrize("url", ["", "r.db", "postgresql://h", "mariadb://h/d", "sqlite:///", "sqlite:///:memory:", "sqlite:///a?b"])
def test_a_url_of_another_kind_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UnusableError, match="names no store of revocations"):
        open_revocations(PdpSettings.model_validate({"revocations": {"url": url}}), base=tmp_path)
