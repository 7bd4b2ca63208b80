import pytest

from pdp.core.engine.cedar import EntityUid
from pdp.core.engine.expression.extension import FixedDecimal, Instant, IpRange, Span
from pdp.core.engine.expression.value import RecordValue, SetValue, Value, same, value_of


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ({"__entity": {"type": "Mcp::User", "id": "a"}}, EntityUid("Mcp::User", "a")),
        ({"__extn": {"fn": "decimal", "arg": "-1.5"}}, FixedDecimal(-15_000)),
        ({"__extn": {"fn": "ip", "arg": "10.0.0.1/8"}}, IpRange(32, 0x0A000001, 8)),
        ({"__extn": {"fn": "datetime", "arg": "1970-01-02"}}, Instant(86_400_000)),
        ({"__extn": {"fn": "duration", "arg": "-1m1s"}}, Span(-61_000)),
        ([1, True, 1], SetValue.of([True, 1])),
        ({"a": {"b": []}}, RecordValue({"a": RecordValue({"b": SetValue.of([])})})),
    ],
)
def test_a_form_is_the_value_it_spells(form: object, value: Value) -> None:
    assert value_of(form) == value


@pytest.mark.parametrize(
    "form",
    [None, 1.5, {"__extn": {"fn": "sin", "arg": "1"}}, {"__entity": "a"}, {"__expr": "1"}, {"__extn": {"fn": "ip"}}],
)
def test_what_spells_no_value_is_refused(form: object) -> None:
    with pytest.raises(ValueError, match="no value"):
        value_of(form)


def test_numbers_booleans_and_texts_all_differ_at_any_depth() -> None:
    ones: list[Value] = [1, True, "1"]
    within = [SetValue.of([each]) for each in ones] + [SetValue.of([RecordValue({"a": each})]) for each in ones]
    alike = [(left, right) for left in ones for right in ones if same(left, right)]
    assert [(left is right, left) for left, right in alike] == [(True, each) for each in ones]
    assert len({*within}) == 6
    assert sorted(str(each) for each in SetValue.of(ones)) == ["1", "1", "True"]
