"""What every store of the decision log does, on the real database."""

import msgspec
import pytest

from pdp.audit.comparison_query import ComparisonQuery
from pdp.audit.drift_query import DriftQuery
from pdp.audit.query import Order, Query
from pdp.audit.store import Announcement, Fault, Keeping, Kept, RecordUnfitError, Run, StoreUnavailableError
from pdp.core.contract.errors import UnusableError
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record import Record
from pdp.core.contract.record_terms import Effect
from pdp.core.contract.sealed import Sealed, seal
from tests.contract.log_places import LogPlace
from tests.unit.audit.sample import HOSTILE, chained, comparison, decision, drift, outcome, put, reading, sealed

STORED, KNOWN, CONFLICT = Keeping.STORED, Keeping.KNOWN, Keeping.CONFLICT
DENIED = {"effect": Effect.DENY, "reason_code": ReasonCode.FORBIDDEN_BY_POLICY}
PLANES = "".join(chr(plane * 0x10000 + offset) for plane in range(17) for offset in (0x41, 0x100, 0xFFFD))


def relinked(record: Record, previous: str | None) -> Record:
    return msgspec.structs.replace(record, version=2, previous=previous)


def test_records_of_every_kind_come_back_byte_for_byte(place: LogPlace) -> None:
    given = sealed([decision(1), outcome(2), drift(3), comparison(1), reading(1)])
    with place.store() as store:
        assert store.append(given) == [Kept(STORED)] * 5
        with store.frozen() as connection:
            rows = connection.exec_driver_sql("SELECT content, digest, kind FROM records ORDER BY position").all()
    assert [bytes(content) for content, _, _ in rows] == [one.content for one in given]
    assert [f"sha256:{bytes(digest).hex()}" for _, digest, _ in rows] == [one.digest for one in given]
    assert [kind for _, _, kind in rows] == ["decision", "outcome", "drift", "comparison", "reading"]
    (entry,) = place.find()
    assert (entry.decision, entry.outcomes) == (decision(1), (outcome(2),))
    with place.reader() as reader:
        assert reader.drifts(DriftQuery()) == [drift(3)]
        assert list(reader.comparisons(ComparisonQuery())) == [comparison(1)]


def test_a_repeat_is_known_and_kept_once_and_another_content_is_kept_beside(place: LogPlace) -> None:
    altered = decision(1, principal="corp|mallory")
    with place.store() as store:
        assert put(store, [decision(1), decision(1), outcome(2)]) == [STORED, KNOWN, STORED]
    with place.store() as store:
        assert put(store, [decision(1), outcome(2), decision(3)]) == [KNOWN, KNOWN, STORED]
        assert put(store, [altered, outcome(3)]) == [CONFLICT, CONFLICT]
        assert put(store, [altered, decision(3)]) == [CONFLICT, KNOWN]
        assert put(store, [decision(1, boot="b2"), decision(1, writer="other")]) == [STORED] * 2
    with place.reader() as reader:
        assert reader.conflicts() == 2
        assert reader.runs() == [Run("gateway", "b1", 3, 3), Run("gateway", "b2", 1, 1), Run("other", "b1", 1, 1)]
    assert bytes(place.execute("SELECT content FROM conflicts ORDER BY position")[0][0]) == seal(altered).content


def test_names_that_differ_in_case_accents_or_spaces_are_different_names(place: LogPlace) -> None:
    names = ["a", "A", "\u00e4", "a\u0308", "a ", " a", "\u0430", "\uff41"]
    with place.store() as store:
        assert put(store, [decision(1, writer=name, principal=f"corp|{name}") for name in names]) == [STORED] * 8
    for name in names:
        assert [entry.decision.writer for entry in place.find(Query(principal=name))] == [name]


def test_what_is_wrong_with_a_place_is_said_once_for_each_record(place: LogPlace) -> None:
    chain = chained([decision(number) for number in range(1, 8)])
    forged = seal(relinked(decision(2), "sha256:" + "0" * 64))
    cut = seal(relinked(decision(2), None))
    nonsense = seal(relinked(decision(2), "sha256:xyz"))
    with place.store() as store:
        assert store.append(chain[:3]) == [Kept(STORED)] * 3
        assert store.append(chain[4:6]) == [Kept(STORED, Fault.GAP), Kept(STORED)], "number 4 is missing"
        assert store.append([chain[3]]) == [Kept(STORED)], "it came later"
        assert store.append(chain) == [*[Kept(KNOWN)] * 6, Kept(STORED)]
        for boot, second in (("b2", forged), ("b3", cut), ("b4", nonsense)):
            first = seal(msgspec.structs.replace(decision(1, boot=boot), version=2, previous=chain[-1].digest))
            assert store.append([first]) == [Kept(STORED)], "a run goes on where another one ended"
            moved = seal(msgspec.structs.replace(second.record, boot=boot))
            assert store.append([moved]) == [Kept(STORED, Fault.UNLINKED)]
    with place.reader() as reader:
        assert [(run.boot, run.sequence, run.missing) for run in reader.runs()] == [
            ("b1", 7, 0),
            ("b2", 2, 0),
            ("b3", 2, 0),
            ("b4", 2, 0),
        ]


def test_a_run_that_names_what_no_other_run_ends_with_is_unlinked(place: LogPlace) -> None:
    chain = chained([decision(1), decision(2)])
    with place.store() as store:
        store.append(chain)
        for number, named in enumerate([chain[0].digest, "sha256:" + "0" * 64, "", "x" * 71]):
            first = seal(relinked(decision(1, boot=f"c{number}"), named))
            assert store.append([first]) == [Kept(STORED, Fault.UNLINKED)]
        elsewhere = seal(relinked(decision(1, writer="other"), chain[1].digest))
        assert store.append([elsewhere]) == [Kept(STORED, Fault.UNLINKED)], "it is another writer's"
        follows = seal(relinked(decision(1, boot="d"), chain[1].digest))
        assert store.append([follows]) == [Kept(STORED)]
        both = [seal(relinked(decision(1, boot="e"), None))]
        both.append(seal(relinked(decision(1, boot="f"), both[0].digest)))
        assert store.append(both) == [Kept(STORED)] * 2


def test_a_record_that_fills_a_gap_is_judged_by_both_neighbours(place: LogPlace) -> None:
    def refilled(number: int, **changes: object) -> Sealed:
        changed = {"version": 2, "previous": chain[number - 2].digest} | changes
        return seal(msgspec.structs.replace(chain[number - 1].record, **changed))

    chain = chained([decision(number) for number in range(1, 10)])
    with place.store() as store:
        assert store.append([chain[1], chain[8]]) == [Kept(STORED, Fault.GAP)] * 2
        assert store.append([refilled(1, previous="sha256:" + "0" * 64)]) == [Kept(STORED, Fault.UNLINKED)]
        assert store.append([refilled(3, previous=None)]) == [Kept(STORED, Fault.UNLINKED)]
        assert store.append([chain[5]]) == [Kept(STORED)], "it has no neighbours yet"
        assert store.append([refilled(5, detail="another")]) == [Kept(STORED, Fault.UNLINKED)], "6 names another 5"
        assert store.append([chain[7], chain[6]]) == [Kept(STORED)] * 2
        assert store.append([seal(decision(4))]) == [Kept(STORED, Fault.UNLINKED)], "5 names another 4"
    with place.reader() as reader:
        assert reader.runs() == [Run("gateway", "b1", 9, 9)]


def test_records_of_version_1_are_not_judged_by_links(place: LogPlace) -> None:
    with place.store() as store:
        assert store.append(sealed([decision(1), decision(2)])) == [Kept(STORED)] * 2
        assert store.append(sealed([decision(4)])) == [Kept(STORED, Fault.GAP)]


def test_what_writers_announce_is_kept_and_never_goes_back(place: LogPlace) -> None:
    with place.store() as store:
        put(store, [decision(1)])
        store.announce([Announcement("gateway", "b1", 3, at=10.5), Announcement("gateway", "new", 0, at=11.0)])
        store.announce([Announcement("gateway", "b1", 2, at=12.0)])
        put(store, [decision(3)])
    with place.reader() as reader:
        first, second = reader.runs()
    assert first == Run("gateway", "b1", 3, 2, announced=3, heard=10_500)
    assert (first.missing, first.behind) == (1, 0)
    assert second == Run("gateway", "new", 0, 0, announced=0, heard=11_000)


@pytest.mark.parametrize(
    "unfit",
    [
        decision(2**63),
        decision(0),
        decision(2, time="2026-02-31T09:00:00.000Z"),
        decision(2, writer="x" * 257),
        decision(2, writer=""),
        decision(2, boot="nul\0inside"),
    ],
)
def test_an_unfit_record_is_told_apart_and_takes_nothing_with_it(place: LogPlace, unfit: Record) -> None:
    with place.store() as store:
        with pytest.raises(RecordUnfitError) as caught:
            store.append(sealed([decision(1), unfit]))
        assert "alice" not in str(caught.value)
        assert put(store, [decision(1)]) == [STORED]


def test_hostile_text_is_kept_as_it_is_and_found_by_what_it_is(place: LogPlace) -> None:
    texts = [
        *HOSTILE,
        PLANES,
        "y" * 256,
        "y" * 257,
        "y" * 256 + "\0",
        "\0",
        "\ufffd",
        "nul\ufffdinside",
        "%",
        "_",
        "x" * 2**20,
    ]
    given = [
        decision(
            number,
            principal=f"corp|{text}",
            actor=f"corp|{text}",
            tool=text,
            server=text,
            method=text,
            session=text,
            detail=text,
            groups=[text],
            arguments={text: [text]},
            id=text or "none",
        )
        for number, text in enumerate(texts, start=1)
    ]
    with place.store() as store:
        for record in given:
            assert put(store, [record]) == [STORED]
        put(store, [outcome(1000 + number, decision=record.id) for number, record in enumerate(given)])
    assert [entry.decision for entry in place.find()] == given
    assert [[fate.decision for fate in entry.outcomes] for entry in place.find()] == [[one.id] for one in given]
    with place.reader() as reader:
        for text, record in zip(texts, given, strict=True):
            for query in questions(text):
                found = [entry.decision.sequence for entry in reader.find(query)]
                assert found == [record.sequence], (query, text[:20])


def questions(text: str) -> list[Query]:
    """All that find the decision in which every name is `text`."""
    names = [Query(server=text), Query(method=text), Query(tool=text), Query(server=text, limit=1)]
    people = [Query(principal=text), Query(principal=f"corp|{text}"), Query(actor=text), Query(actor=f"corp|{text}")]
    return names + people + ([] if "/" in text else [Query(tool=f"{text}/{text}")])


def test_a_limit_counts_what_is_meant_and_not_what_a_cut_column_has(place: LogPlace) -> None:
    long = "t" * 300
    with place.store() as store:
        put(store, [decision(number, tool=f"{long}{number % 10}") for number in range(1, 1001)])
    for order in Order:
        found = place.find(Query(tool=f"{long}3", limit=5, order=order))
        assert [entry.decision.sequence for entry in found] == [953, 963, 973, 983, 993]
    assert [entry.decision.sequence for entry in place.find(Query(tool=f"{long}3", after=500, limit=2))] == [503, 513]
    assert place.find(Query(tool=long)) == []


RECORDS = [
    decision(1),
    decision(2, principal="lab|alice", actor="corp|agent-7", **DENIED),
    decision(3, principal="corp|bob", tool="create_issue", server="github"),
    decision(4, principal="corp|auth0|carol", server="files", tool="git_log"),
    decision(5, principal=None, method="tools/list", server=None, tool=None, shown=["git/git_log"]),
    decision(6, principal="corp|Alice", tool="a/b", server="x"),
    decision(7, principal="dave", actor="|x"),
]


def test_questions_are_answered_exactly(place: LogPlace) -> None:
    asked = [
        (Query(), [1, 2, 3, 4, 5, 6, 7]),
        (Query(principal="alice"), [1, 2]),
        (Query(principal="corp|alice"), [1]),
        (Query(principal="auth0|carol"), [4]),
        (Query(principal="carol"), []),
        (Query(principal="dave"), [7]),
        (Query(principal="corp|dave"), []),
        (Query(principal=""), []),
        (Query(actor="agent-7"), [2]),
        (Query(actor="AGENT-7"), []),
        (Query(actor="7"), []),
        (Query(effect=Effect.DENY), [2]),
        (Query(reason_code=ReasonCode.ALLOWED), [1, 3, 4, 5, 6, 7]),
        (Query(tool="git/git_log"), [1, 2, 7]),
        (Query(tool="a/b"), [6]),
        (Query(tool="x/a/b"), [6]),
        (Query(method="tools/list"), [5]),
        (Query(since="2026-07-28T09:00:03.000Z"), [3, 4, 5, 6, 7]),
        (Query(until="2026-07-28T09:00:03.000Z"), [1, 2]),
        (Query(limit=2), [6, 7]),
        (Query(after=2, limit=2), [3, 4]),
        (Query(after=7), []),
        (Query(principal="alice' OR 1=1 --"), []),
    ]
    with place.store() as store:
        put(store, RECORDS)
    with place.reader() as reader:
        for query, sequences in asked:
            assert [entry.decision.sequence for entry in reader.find(query)] == sequences, query


def test_an_altered_record_is_told_and_never_shown(place: LogPlace) -> None:
    with place.store() as store:
        put(store, [decision(1), decision(2)])
    place.execute("UPDATE records SET content = '{}' WHERE sequence = 2")
    with pytest.raises(StoreUnavailableError, match="toolgate log verify"):
        place.find()
    assert len(place.find(Query(until="2026-07-28T09:00:02.000Z"))) == 1


def test_a_running_writer_notices_a_newer_version_before_it_writes(place: LogPlace) -> None:
    with place.store() as store:
        put(store, [decision(1)])
        with place.reader() as reader:
            place.execute(
                "PRAGMA user_version = 6" if place.kind == "sqlite" else "UPDATE log_version SET version_num = '0006'"
            )
            with pytest.raises(StoreUnavailableError, match="has version 6 by now, this program uses version 5"):
                put(store, [decision(2)])
            with pytest.raises(StoreUnavailableError, match="has version 6"):
                store.probe()
            with pytest.raises(StoreUnavailableError, match="has version 6"):
                store.announce([Announcement("gateway", "b1", 3, at=10.5)])
            with pytest.raises(StoreUnavailableError, match="has version 6"):
                reader.find(Query())
        assert place.execute("SELECT count(*) FROM records") == [(1,)]
    for open_ in (place.store, place.reader):
        with pytest.raises(UnusableError, match="newer Toolgate"), open_():
            pass


def test_a_log_that_is_not_there_is_absent_and_reading_makes_none(place: LogPlace) -> None:
    for _ in range(2):
        with pytest.raises(UnusableError, match="there is no decision log"), place.reader():
            pass


def test_a_probe_is_a_write_and_a_log_has_one_name(place: LogPlace) -> None:
    with place.store() as store:
        store.probe()
        store.probe()
    with place.store() as store:
        store.probe()
    assert [probes for (probes,) in place.execute("SELECT probes FROM about")] == [3]


def test_while_a_log_is_frozen_nobody_appends(place: LogPlace) -> None:
    with place.store(lock_timeout="1s") as store, place.store(lock_timeout="1s") as other:
        put(store, [decision(1)])
        with other.frozen() as connection:
            assert connection.exec_driver_sql("SELECT max(position) FROM records").scalar() == 1
            with pytest.raises(StoreUnavailableError, match=r"lock|Lock"):
                put(store, [decision(2)])
            assert connection.exec_driver_sql("SELECT max(position) FROM records").scalar() == 1
        assert put(store, [decision(2)]) == [STORED]
