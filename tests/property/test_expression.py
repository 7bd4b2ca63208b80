"""The interpreter says what Cedar says, and of the unknown never too little."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.expression.interpret import interpret
from pdp.core.engine.expression.shaped import shape_of
from pdp.core.engine.expression.situation import (
    ANYTHING,
    Entity,
    OpenRecord,
    Operand,
    Situation,
    Truth,
    Unknown,
    truths_of,
)
from pdp.core.engine.expression.value import RecordValue, Value, value_of
from tests.property.expressions import ANN, DECIMALS, INSTANTS, IPS, ODD, PHOTO, SPANS, VIEW, Expressions

_ANY_SCOPE = pst.ScopeAny()


def _policies(exprs: Sequence[pst.Expr]) -> cedar.Policies:
    return cedar.policy_set(
        pst.Template(f"p{index}", "permit", _ANY_SCOPE, _ANY_SCOPE, _ANY_SCOPE, (pst.When(expr),), {})
        for index, expr in enumerate(exprs)
    )


def _record(form: dict[str, Any]) -> RecordValue:
    value = value_of(form)
    assert isinstance(value, RecordValue)
    return value


def entities_of(definitions: list[dict[str, Any]]) -> Mapping[EntityUid, Entity]:
    parents = {EntityUid(**each["uid"]): [EntityUid(**uid) for uid in each["parents"]] for each in definitions}

    def ancestors(uid: EntityUid) -> frozenset[EntityUid]:
        return frozenset({uid}).union(*(ancestors(parent) for parent in parents.get(uid, [])))

    return {
        EntityUid(**each["uid"]): Entity(
            ancestors(EntityUid(**each["uid"])), _record(each["attrs"]).fields, _record(each.get("tags", {})).fields
        )
        for each in definitions
    }


def _cedar_says(exprs: Sequence[pst.Expr], context: dict[str, Any], entities: list[dict[str, Any]]) -> list[Truth]:
    question = cedar.question(ANN, VIEW, PHOTO)
    answer = cedar.authorize(_policies(exprs), cedar.entities(entities), question, context=context)
    assert answer.unplaced == ()
    return [
        Truth.ERROR if f"p{index}" in answer.errors else Truth.TRUE if f"p{index}" in answer.reasons else Truth.FALSE
        for index in range(len(exprs))
    ]


def _we_say(expr: pst.Expr, situation: Situation) -> frozenset[Truth]:
    return truths_of(interpret(expr, situation))


def _drawn(seed: int) -> tuple[list[pst.Expr], dict[str, Any], list[dict[str, Any]]]:
    make = Expressions(Random(seed))
    return [make.of("bool", 4) for _ in range(20)], make.context(), make.definitions()


SEEDS = st.integers(0, 2**48)


@settings(max_examples=300)
@given(SEEDS)
def test_every_condition_comes_to_what_cedar_makes_of_it(seed: int) -> None:
    exprs, context, defined = _drawn(seed)
    situation = Situation(ANN, VIEW, PHOTO, _record(context), entities_of(defined))
    said = _cedar_says(exprs, context, defined)
    assert [_we_say(expr, situation) for expr in exprs] == [frozenset({truth}) for truth in said]


def test_the_conditions_drawn_come_to_all_three_truths_often() -> None:
    counted = Counter(truth for seed in range(50) for truth in _cedar_says(*_drawn(seed)))
    assert min(counted[truth] for truth in Truth) > 150


@pytest.mark.parametrize("function", sorted(ODD))
def test_every_odd_text_is_read_as_cedar_reads_it(function: pst.UnaryOpName) -> None:
    texts = [*ODD[function], *DECIMALS, *IPS, *INSTANTS, *SPANS]
    read = [pst.UnaryOp(function, pst.StringLit(text)) for text in texts]
    exprs = [pst.BinaryOp("eq", left, right) for left in read for right in (left, *read[-20:])]
    said = _cedar_says(exprs, {}, [])
    situation = Situation(ANN, VIEW, PHOTO, _record({}), {})
    assert [_we_say(expr, situation) for expr in exprs] == [frozenset({truth}) for truth in said]


def _hidden(value: Value, random: Random) -> Operand:
    """`value` with some of it unknown."""
    if isinstance(value, RecordValue) and random.random() < 0.8:
        fields = {name: _hidden(each, random) for name, each in value.fields.items()}
        return OpenRecord(fields, frozenset(name for name in fields if random.random() < 0.3))
    return random.choice([value, value, Unknown(shape_of(value)), Unknown()])


@settings(max_examples=300)
@given(SEEDS)
def test_what_is_unknown_may_come_to_whatever_it_turns_out_to_be(seed: int) -> None:
    exprs, context, defined = _drawn(seed)
    known = Situation(ANN, VIEW, PHOTO, _record(context), entities_of(defined))
    hidden = _hidden(_record(context), Random(seed))
    assert isinstance(hidden, RecordValue | OpenRecord | Unknown)
    less = Situation(ANN, VIEW, PHOTO, hidden, known.entities)
    for expr in exprs:
        truth = _we_say(expr, known)
        assert truth <= _we_say(expr, less)
        assert truth <= _we_say(expr, ANYTHING)
