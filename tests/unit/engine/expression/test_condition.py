from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.expression.condition import ClauseTrace, Part, condition, trace
from pdp.core.engine.expression.situation import (
    ANYTHING,
    Failed,
    OpenRecord,
    Reason,
    Situation,
    Truth,
    Undecided,
    Unknown,
    truths_of,
)
from pdp.core.engine.expression.value import RecordValue

ANN = EntityUid("User", "ann")
KNOWN = Situation(ANN, ANN, ANN, RecordValue({"n": 1, "ok": True}), {})
OPEN = Situation(ANN, ANN, ANN, OpenRecord({"n": 1, "ok": Unknown()}), {})


def clauses(text: str) -> tuple[pst.Clause, ...]:
    return cedar.read_tree(f"permit (principal, action, resource) {text};").clauses


def test_no_clauses_are_true_of_everything() -> None:
    assert condition(())(ANYTHING) is True


def test_clauses_are_a_conjunction_in_their_order() -> None:
    assert condition(clauses("when { context.n == 2 } when { context.gone }"))(KNOWN) is False
    assert condition(clauses("when { context.gone } when { context.n == 2 }"))(KNOWN) == Failed(Reason.ATTRIBUTE)
    assert condition(clauses("when { context.n == 1 } unless { context.ok }"))(KNOWN) is False


def test_a_clause_that_is_no_boolean_is_an_error() -> None:
    assert truths_of(condition(clauses("when { context.n }"))(KNOWN)) == {Truth.ERROR}
    assert truths_of(condition(clauses("when { true } when { context.n }"))(KNOWN)) == {Truth.ERROR}
    assert truths_of(condition(clauses("unless { context.n }"))(KNOWN)) == {Truth.ERROR}


def test_a_trace_ends_at_the_part_that_was_enough() -> None:
    written = clauses("when { context.ok && context.n == 2 && context.gone } unless { context.ok }")
    first, second, third = written[0].expr.left.left, written[0].expr.left.right, written[0].expr.right  # type: ignore[union-attr]
    assert trace(written, KNOWN) == (
        ClauseTrace(
            written[0],
            frozenset({Truth.FALSE}),
            (Part(first, result=True), Part(second, result=False), Part(third, result=None)),
        ),
        ClauseTrace(written[1], None, (Part(written[1].expr, None),)),
    )  # fmt: skip


def test_a_trace_says_what_stands_in_an_unless_and_the_contrary_of_the_clause() -> None:
    written = clauses("unless { context.n == 1 } when { true }")
    assert [(each.truths, each.parts[0].result) for each in trace(written, KNOWN)] == [
        (frozenset({Truth.FALSE}), True),
        (None, None),
    ]


def test_a_trace_goes_on_past_what_is_unknown() -> None:
    written = clauses("when { context.ok && context.n == 2 } when { context.gone }")
    assert [[part.result for part in each.parts] for each in trace(written, OPEN)] == [[Unknown(), False], [None]]
    assert trace(written, OPEN)[0].truths == frozenset({Truth.FALSE, Truth.ERROR})


def test_what_is_decided_of_anything_is_decided_for_every_request() -> None:
    assert condition(clauses('when { "a" == "b" || false }'))(ANYTHING) is False
    assert condition(clauses("when { 1 < 2 } unless { principal has x && false }"))(ANYTHING) == Undecided(
        frozenset({Truth.TRUE, Truth.ERROR})
    )
