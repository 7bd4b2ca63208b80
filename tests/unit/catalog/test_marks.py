from typing import Any

import pytest

from pdp.core.catalog.marks import has_secret_at, mark_at, masked, steps_of
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.tool import Mark, Tool

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


def tool(**marks: Mark) -> Tool:
    return Tool(server="s", name="t", pin="p", input_schema=SCHEMA, marks=marks)


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


def test_a_secret_is_replaced_at_its_place_and_nothing_else_changes() -> None:
    arguments: dict[str, Any] = {
        "files": [{"path": "a", "key": "s1"}, {"path": "b"}, "c"],
        "file": {"key": ["s2"]},
        "names": ["n"],
    }
    found = masked(tool(**{"/files/*/key": Mark.SECRET, "/file/key": Mark.SECRET, "names": Mark.PATH}), arguments)
    assert found == {
        "files": [{"path": "a", "key": "[secret]"}, {"path": "b"}, "c"],
        "file": {"key": "[secret]"},
        "names": ["n"],
    }
    assert arguments["files"][0] == {"path": "a", "key": "s1"}


def test_a_name_marks_the_whole_argument_and_a_number_one_item() -> None:
    assert masked(tool(file=Mark.SECRET), {"file": {"key": "s"}}) == {"file": "[secret]"}
    assert masked(tool(**{"/names/1": Mark.SECRET}), {"names": ["a", "b"]}) == {"names": ["a", "[secret]"]}
    assert masked(tool(**{"/~1odd": Mark.SECRET}), {"/odd": "s", "odd": "o"}) == {"/odd": "[secret]", "odd": "o"}


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
