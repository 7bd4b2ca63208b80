import hashlib
import hmac
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.core.catalog.recorded import MAX_ARGUMENT_BYTES, Recorded, recorded
from pdp.core.catalog.tool import Mark, Tool
from pdp.core.contract.digest import digest
from pdp.core.contract.exact_json import canonical
from pdp.core.contract.record_terms import NotReplayable, Recording, Withheld

KEY = bytes(range(32))
DROP, HASH, KEEP = Recording.DROP, Recording.HASH, Recording.KEEP


def tool(record: Recording = KEEP, marks: dict[str, Mark] | None = None, **arguments: Recording) -> Tool:
    return Tool("s", "t", "p", {}, marks=marks or {}, record=record, record_arguments=arguments)


def kept(of: Tool, arguments: dict[str, Any], at_least: Recording = KEEP) -> Recorded:
    return recorded(of, arguments, at_least=at_least, key=KEY)


def keyed(value: Any) -> str:
    return hmac.new(KEY, canonical(value), hashlib.sha256).hexdigest()


def hashed(value: Any) -> dict[str, str]:
    return {"hmac": f"sha256:{keyed(value)}"}


def test_arguments_of_which_nothing_is_said_are_kept_with_their_digest() -> None:
    assert kept(tool(), {"a": 1}) == Recorded({"a": 1}, digest({"a": 1}))
    assert kept(tool(), {"a": 1}).not_replayable is None


def test_a_secret_is_replaced_at_its_place_and_nothing_else_changes() -> None:
    arguments: dict[str, Any] = {
        "files": [{"path": "a", "key": "s1"}, {"path": "b"}, "c"],
        "file": {"key": ["s2"]},
        "names": ["n"],
    }
    marks = {"/files/*/key": Mark.SECRET, "/file/key": Mark.SECRET, "names": Mark.PATH}
    found = kept(tool(marks=marks), arguments)
    assert found.arguments == {
        "files": [{"path": "a", "key": "[secret]"}, {"path": "b"}, "c"],
        "file": {"key": "[secret]"},
        "names": ["n"],
    }
    assert found.withheld == {"/files/*/key": Withheld.MASKED, "/file/key": Withheld.MASKED}
    assert (found.digest, found.not_replayable) == (None, NotReplayable.ARGUMENTS_MASKED)
    assert arguments["files"][0] == {"path": "a", "key": "s1"}


@pytest.mark.parametrize(
    ("key", "arguments", "expected"),
    [
        ("file", {"file": {"key": "s"}}, {"file": "[secret]"}),
        ("/names/1", {"names": ["a", "b"]}, {"names": ["a", "[secret]"]}),
        ("/~1odd", {"/odd": "s", "odd": "o"}, {"/odd": "[secret]", "odd": "o"}),
    ],
)
def test_a_name_marks_the_whole_argument_and_a_number_one_item(
    key: str, arguments: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert kept(tool(marks={key: Mark.SECRET}), arguments).arguments == expected


def test_a_secret_that_a_call_does_not_have_withholds_nothing() -> None:
    assert kept(tool(marks={"key": Mark.SECRET}), {"a": 1}) == Recorded({"a": 1}, digest({"a": 1}))


def test_a_hashed_argument_can_be_matched_with_the_key_and_is_named_as_hashed() -> None:
    found = kept(tool(a=HASH), {"a": ["x"], "b": 1})
    assert found.arguments == {"a": hashed(["x"]), "b": 1}
    assert found.withheld == {"/a": Withheld.HASHED}
    assert found.digest == f"hmac-sha256:{keyed({'a': ['x'], 'b': 1})}"
    assert found.not_replayable is NotReplayable.ARGUMENTS_HASHED
    assert recorded(tool(a=HASH), {"a": ["x"]}, at_least=KEEP, key=bytes(32)).arguments != {"a": hashed(["x"])}


def test_a_real_argument_that_looks_hashed_is_told_from_one_that_is() -> None:
    forged = {"a": hashed("x")}
    assert kept(tool(), forged).withheld == {}
    assert kept(tool(a=HASH), {"a": "x"}).arguments == forged


def test_hashed_as_a_whole_every_argument_is_hashed_by_itself() -> None:
    found = kept(tool(HASH), {"a": 1, "b/c": None})
    assert found.arguments == {"a": hashed(1), "b/c": hashed(None)}
    assert found.withheld == {"/a": Withheld.HASHED, "/b~1c": Withheld.HASHED}


def test_a_dropped_argument_leaves_no_trace_of_its_value() -> None:
    found = kept(tool(a=DROP), {"a": "x", "b": 1})
    assert found == Recorded({"b": 1}, None, {"/a": Withheld.DROPPED})
    assert found.not_replayable is NotReplayable.ARGUMENTS_DROPPED
    both = kept(tool(a=DROP, b=HASH), {"a": "x", "b": 1})
    assert both.digest == f"hmac-sha256:{keyed({'b': 1})}"


def test_dropped_as_a_whole_there_is_nothing() -> None:
    assert kept(tool(DROP), {"a": 1}) == Recorded(None, None, {"": Withheld.DROPPED})


@pytest.mark.parametrize("said", [KEEP, HASH, DROP])
@pytest.mark.parametrize("at_least", [KEEP, HASH, DROP])
def test_the_strictest_of_all_that_is_said_wins(said: Recording, at_least: Recording) -> None:
    order = [KEEP, HASH, DROP]
    strictest = order[max(order.index(said), order.index(at_least))]
    assert kept(tool(said), {"a": 1}, at_least) == kept(tool(strictest), {"a": 1})


def test_a_secret_is_masked_and_never_hashed() -> None:
    marks = {"key": Mark.SECRET, "/in/key": Mark.SECRET}
    found = kept(tool(HASH, marks), {"key": "s", "in": {"key": "t", "a": 1}})
    assert found.arguments == {"key": "[secret]", "in": hashed({"key": "[secret]", "a": 1})}
    assert found.digest == f"hmac-sha256:{keyed({'key': '[secret]', 'in': {'key': '[secret]', 'a': 1}})}"


def test_arguments_that_are_too_large_are_left_out_with_an_hmac() -> None:
    arguments = {"a": "x" * (MAX_ARGUMENT_BYTES - len('{"a":""}'))}
    assert kept(tool(), arguments).arguments == arguments
    arguments["a"] += "x"
    found = kept(tool(), arguments)
    assert found == Recorded(None, f"hmac-sha256:{keyed(arguments)}", {"": Withheld.TOO_LARGE})
    assert found.not_replayable is NotReplayable.ARGUMENTS_TOO_LARGE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["a", "b", "/a/b", "/a/*", "/a/0", "/a/*/b", "/b/1/c"])


@given(
    st.dictionaries(st.sampled_from("abc"), JSON, max_size=3),
    st.dictionaries(KEYS, st.just(Mark.SECRET), max_size=3),
    st.dictionaries(KEYS, st.sampled_from(Recording), max_size=3),
    st.sampled_from(Recording),
)
def test_what_is_not_named_as_withheld_is_what_it_was(
    arguments: dict[str, Any], marks: dict[str, Mark], single: dict[str, Recording], whole: Recording
) -> None:
    found = kept(msgspec.structs.replace(tool(whole, marks), record_arguments=single), arguments)
    if not found.withheld:
        assert (found.arguments, found.digest) == (arguments, digest(arguments))
    assert found.not_replayable is not None or not found.withheld
    if found.digest is not None and found.withheld:
        assert found.digest.startswith("hmac-sha256:")


@given(st.text(min_size=6, alphabet="0123456789"), st.sampled_from(["key", "/key"]))
def test_no_secret_and_nothing_dropped_is_in_what_is_recorded(value: str, key: str) -> None:
    value = f"never{value}"
    dropping = msgspec.structs.replace(tool(), record_arguments={key: DROP})
    for of in (tool(marks={key: Mark.SECRET}), tool(HASH, {key: Mark.SECRET}), dropping, tool(DROP)):
        content = msgspec.json.encode(kept(of, {"key": value, "a": 1}).arguments)
        assert value.encode() not in content
