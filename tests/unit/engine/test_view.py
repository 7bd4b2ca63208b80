import pytest

from pdp.core.catalog.schema.shape import Field, JsonType, Opaque, Primitive, RecordOf, UnionOf
from pdp.core.engine.dependencies import Path, Read, Reading
from pdp.core.engine.view import as_written, vary_of

UNION = UnionOf({JsonType.STRING: Primitive.STRING, JsonType.OBJECT: RecordOf({"a": Field(Opaque(), required=True)})})
SHAPE = RecordOf(
    {
        "u": Field(UNION, required=False),
        "r": Field(RecordOf({"u": Field(UNION, required=False)}), required=False),
        "string": Field(Primitive.STRING, required=False),
    }
)


def read(*path: str, reading: Reading = Reading.PRESENCE) -> Read:
    return Read(path, reading)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("arguments", "u", "string"), ("arguments", "u")),
        (("arguments", "u", "object", "a"), ("arguments", "u")),
        (("arguments", "r", "u", "string"), ("arguments", "r", "u")),
    ],
)
def test_what_is_read_within_a_union_is_the_union_as_written(path: Path, place: Path) -> None:
    assert as_written(read(*path), SHAPE) == Read(place, Reading.VALUE)


@pytest.mark.parametrize(
    "path", [(), ("now",), ("arguments",), ("arguments", "u"), ("arguments", "r", "u"), ("u", "string")]
)
def test_any_other_read_is_where_it_is_written(path: Path) -> None:
    assert as_written(read(*path), SHAPE) == read(*path)


def test_reads_of_two_branches_vary_by_one_place() -> None:
    reads = [read("arguments", "u"), read("arguments", "u", "string"), read("arguments", "u", "object", "a")]
    assert vary_of(as_written(each, SHAPE) for each in reads) == ("/context/arguments/u",)
