import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.catalog.shape import Field, Opaque, Primitive, RecordOf, SetOf, Shape
from pdp.core.engine.translate import Translated, translate


def one(value: object, shape: Shape, *, nullable: bool = False) -> Translated:
    return translate({"x": value}, RecordOf({"x": Field(shape, required=False, nullable=nullable)}))


def extension(name: str, text: str) -> dict[str, object]:
    return {"__extn": {"fn": name, "arg": text}}


INNER = RecordOf({"a": Field(Primitive.STRING, required=True), "o": Field(Opaque(), required=False)})


@pytest.mark.parametrize(
    ("value", "shape", "cedar"),
    [
        ("é", Primitive.STRING, "é"),
        (True, Primitive.BOOLEAN, True),
        (2**63 - 1, Primitive.LONG, 2**63 - 1),
        (-(2**63), Primitive.LONG, -(2**63)),
        (1, Primitive.DECIMAL, extension("decimal", "1.0000")),
        (-1.5, Primitive.DECIMAL, extension("decimal", "-1.5000")),
        (["a", "b"], SetOf(Primitive.STRING), ["a", "b"]),
        ([], SetOf(Primitive.STRING), []),
        ({"a": "b"}, INNER, {"a": "b"}),
    ],
)
def test_a_value_of_its_shape_is_held_exactly(value: object, shape: Shape, cedar: object) -> None:
    assert one(value, shape) == Translated({"x": cedar}, frozenset())


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (2**63, Primitive.LONG),
        (1.0, Primitive.LONG),
        (True, Primitive.LONG),
        ("1", Primitive.LONG),
        (1, Primitive.STRING),
        (1, Primitive.BOOLEAN),
        (0.00001, Primitive.DECIMAL),
        (1e20, Primitive.DECIMAL),
        (True, Primitive.DECIMAL),
        (None, Primitive.STRING),
        (["a", 1], SetOf(Primitive.STRING)),
        ([{"a": "b", "o": 1}], SetOf(INNER)),
        ("a", SetOf(Primitive.STRING)),
        ("a", INNER),
        ({"anything": 1}, Opaque()),
        ({"__entity": {"type": "Mcp::User", "id": "root"}}, Opaque()),
    ],
)
def test_a_value_that_cedar_cannot_hold_is_left_out_and_named(value: object, shape: Shape) -> None:
    assert one(value, shape) == Translated({}, frozenset({("x",)}))


def test_null_is_absence_only_where_the_schema_allows_it() -> None:
    assert one(None, Primitive.STRING, nullable=True) == Translated({}, frozenset())


def test_a_part_that_is_lost_does_not_take_its_record_with_it() -> None:
    assert one({"a": "b", "o": 1, "undeclared": 2}, INNER) == Translated(
        {"x": {"a": "b"}}, frozenset({("x", "o"), ("x", "undeclared")})
    )


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_escapes_in_arguments_never_reach_cedar(name: str) -> None:
    hostile = {name: {"type": "Mcp::User", "id": "root"}}
    assert one(hostile, INNER) == Translated({"x": {}}, frozenset({("x", name)}))


@given(st.decimals(min_value=-(10**14), max_value=10**14, places=4))
def test_a_number_of_four_places_that_a_float_carries_is_a_decimal(number: object) -> None:
    value = float(str(number))
    translated = one(value, Primitive.DECIMAL)
    held = [float(item["__extn"]["arg"]) for item in translated.value.values()]
    assert held == [value] or translated.unrepresentable == {("x",)}
