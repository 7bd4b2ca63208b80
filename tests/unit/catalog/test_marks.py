from typing import Any

import pytest

from pdp.core.catalog.marks import has_secret_at, mark_at, removed_at, steps_of
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.tool import Mark

FILE = {"type": "object", "properties": {"path": {"type": "string"}, "key": {"type": "string"}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "files": {"type": "array", "items": FILE},
        "file": FILE,
        "either": {"anyOf": [FILE, {"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "names": {"type": "array", "items": {"type": "string"}},
        "/odd": {"type": "string"},
    },
}
SHAPE = arguments_shape(SCHEMA)


@pytest.mark.parametrize(
    ("key", "steps"),
    [
        ("path", ("path",)),
        ("a/b", ("a/b",)),
        ("", ("",)),
        ("/", ("",)),
        ("/path", ("path",)),
        ("/files/*/path", ("files", "*", "path")),
        ("/~1odd", ("/odd",)),
        ("/~01", ("~1",)),
        ("~2", ("~2",)),
    ],
)
def test_a_key_is_a_name_or_a_pointer(key: str, steps: tuple[str, ...]) -> None:
    assert steps_of(key) == steps


@pytest.mark.parametrize("key", ["/~2", "/a~", "/a/~/b"])
def test_a_malformed_pointer_is_refused_not_read_as_a_name(key: str) -> None:
    with pytest.raises(ValueError, match="in a JSON Pointer"):
        steps_of(key)


def test_what_is_removed_leaves_every_other_place_where_it_was() -> None:
    value = {"a": {"x": 1, "y": 2}, "list": ["p", {"x": 1}, "q"]}
    assert removed_at(value, ("a", "x")) == {"a": {"y": 2}, "list": value["list"]}
    assert removed_at(value, ("list", "0")) == {"a": value["a"], "list": [None, {"x": 1}, "q"]}
    assert removed_at(value, ("list", "*", "x")) == {"a": value["a"], "list": ["p", {}, "q"]}
    assert removed_at(value, ("gone", "x")) == value


@pytest.mark.parametrize(
    ("key", "path", "mark"),
    [
        ("names", ("names",), Mark.PATH),
        ("/names", ("names",), Mark.PATH),
        ("/names/*", ("names",), Mark.PATH),
        ("/file/path", ("file", "path"), Mark.PATH),
        ("/file/path", ("file", "key"), None),
        ("file", ("file", "path"), None),
        ("either", ("either", "string"), Mark.PATH),
        ("either", ("either", "array"), Mark.PATH),
        ("/either/*", ("either", "array"), Mark.PATH),
        ("/either/*", ("either", "string"), None),
        ("/either/path", ("either", "object", "path"), Mark.PATH),
        ("/files/*/path", ("files", "path"), None),
        ("names", ("other",), None),
    ],
)
def test_the_mark_at_a_place_is_that_of_the_texts_a_policy_sees_there(
    key: str, path: tuple[str, ...], mark: Mark | None
) -> None:
    assert mark_at({key: Mark.PATH}, path, shape=SHAPE) is mark


@pytest.mark.parametrize(
    ("key", "path", "held"),
    [
        ("/file/key", (), True),
        ("/file/key", ("file",), True),
        ("/file/key", ("file", "key"), True),
        ("/file/key", ("file", "path"), False),
        ("file", ("file", "path"), True),
        ("/files/*/key", ("files",), True),
        ("/files/*/key", ("names",), False),
        ("/either/key", ("either", "object", "key"), True),
        ("/either/key", ("either", "object", "path"), False),
    ],
)
def test_what_holds_or_is_part_of_a_secret_is_secret(key: str, path: tuple[str, ...], held: object) -> None:
    assert has_secret_at({key: Mark.SECRET}, path, shape=SHAPE) is held
