import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.core.catalog.definitions.admission import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_PROPERTIES,
    MAX_TEXT,
    Allowances,
    DefinitionRefusedError,
    Reason,
    admit,
)
from pdp.core.catalog.definitions.definition import Definition, Kind, definition_of, pin_of
from pdp.core.catalog.definitions.snapshot import read_snapshot, snapshot_bytes, snapshot_path
from pdp.core.catalog.reading import read_catalog
from pdp.core.contract.errors import ConfigurationError, Problem, ToolgateError
from tests.unit.catalog.hostile_definitions import HOSTILE, OK, Hostile, nested, properties

ROOT: Final = Path(__file__).parents[3]
REAL: Final = sorted([*ROOT.glob("schemas/**/*.json"), *ROOT.glob("tests/data/inventories/**/*.json")])


def definition(kind: Kind, content: dict[str, Any]) -> Definition:
    return Definition(kind, "files", {name: v for name, v in content.items() if v is not None}, pin_of(content))


def reasons(given: Definition, allowances: Allowances = Allowances()) -> tuple[Reason, ...]:  # noqa: B008 - frozen
    with pytest.raises(DefinitionRefusedError) as refused:
        admit(given, allowances=allowances)
    return refused.value.reasons


@pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.title for hostile in HOSTILE])
def test_a_hostile_definition_is_refused_with_every_reason(hostile: Hostile) -> None:
    found = reasons(definition(hostile.kind, hostile.content))
    assert [(reason.code, reason.where) for reason in found] == [expected[:2] for expected in hostile.reasons]
    parts = [part for _, _, part in hostile.reasons]
    assert [part for reason, part in zip(found, parts, strict=True) if part not in reason.text] == []


@pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.title for hostile in HOSTILE])
def test_a_reason_is_one_line_that_a_terminal_can_show(hostile: Hostile) -> None:
    for reason in reasons(definition(hostile.kind, hostile.content)):
        assert str(reason).isprintable()
        assert len(str(reason)) < 800


@pytest.mark.parametrize("path", REAL, ids=[str(path.relative_to(ROOT)) for path in REAL])
def test_what_real_servers_offer_is_admitted(path: Path) -> None:
    server = path.relative_to(ROOT / ("schemas" if "schemas" in path.parts else "tests/data/inventories"))
    admit(read_snapshot(f"schemas/{server}", path.read_bytes()))


@pytest.mark.parametrize("kind", Kind)
def test_the_least_definition_of_each_kind_is_admitted(kind: Kind) -> None:
    admit(definition(kind, dict(OK[kind])))


@pytest.mark.parametrize(
    "members",
    [
        {"name": "a" * 128},
        {"name": "日本語の道具", "title": "Größe ❤️", "description": "one\n\ttwo\r\n\U0001f469\u200d\U0001f4bb"},
        {"description": "a" * MAX_TEXT},
        {"inputSchema": properties(MAX_PROPERTIES)},
        {"_meta": nested(MAX_DEPTH - 3)},
        {"inputSchema": {}},
        {"annotations": {"readOnlyHint": True, "more": 1}, "execution": {"taskSupport": "optional"}, "later": [1]},
        {"icons": [{"src": "data:image/png;base64,", "sizes": ["48x48"]}], "outputSchema": {"properties": {"a": True}}},
        {"inputSchema": {"properties": {"$ref": {"type": "string"}, "properties": {"enum": ["http://x/"]}}}},
        {"inputSchema": {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "properties": {"a": {"$ref": "#/$defs/a"}}}},
    ],
)
def test_what_is_within_every_bound_is_admitted(members: dict[str, Any]) -> None:
    admit(definition(Kind.TOOL, {**OK[Kind.TOOL], **members}))


def test_hidden_text_is_admitted_where_the_catalog_says_so_and_nothing_else() -> None:
    allowances = Allowances(unsafe_hidden_text=True)
    hidden = {"name": "re\u200bad", "description": "\U000e0041"}
    admit(definition(Kind.TOOL, {**OK[Kind.TOOL], **hidden}), allowances=allowances)
    worse = definition(Kind.TOOL, {**OK[Kind.TOOL], **hidden, "title": 1, "digest": "x"})
    assert [reason.code for reason in reasons(worse, allowances)] == ["malformed", "reserved"]


def test_many_reasons_are_told_up_to_a_bound_and_how_many_more_there_are() -> None:
    found = reasons(definition(Kind.TOOL, {**OK[Kind.TOOL], "icons": [1] * 500}))
    assert len(found) == 51
    assert found[0] == Reason(found[0].code, "", "has 450 more members that are not as they must be")


def test_a_refusal_is_an_error_of_ours_that_tells_every_reason() -> None:
    with pytest.raises(ToolgateError) as refused:
        admit(definition(Kind.TOOL, {"name": "", "inputSchema": 1}))
    assert str(refused.value) == "`/inputSchema` must be an object; `/name` must be a text of 1 to 128 characters"


def calls(act: Callable[[], object]) -> int:
    """How many functions are called, those of C too: a measure of work that is the same on every machine."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "hostile",
    [
        lambda size: {"inputSchema": properties(size)},
        lambda size: {"_meta": {"a" * size: dict.fromkeys(map(str, range(size)), "\u200b")}},
        lambda size: {"description": "\u200b" * size},
        lambda size: {"description": "\u845b\U000e0100" * size},
        lambda size: {"arguments": [{"name": "a"}] * size},
        lambda size: {"icons": [1] * size},
        lambda size: {"inputSchema": {"allOf": [{"$ref": "#"}] * size}},
    ],
)
@pytest.mark.parametrize("kind", [Kind.TOOL, Kind.PROMPT])
def test_the_work_of_judging_grows_with_the_size_alone(kind: Kind, hostile: Callable[[int], dict[str, Any]]) -> None:
    def judge(size: int) -> Callable[[], object]:
        given = definition(kind, {**OK[kind], **hostile(size)})
        return lambda: reasons_or_none(given)

    judge(10)()
    assert calls(judge(1600)) < 2.5 * calls(judge(800)) + 2000


def reasons_or_none(given: Definition) -> None:
    try:
        admit(given)
    except DefinitionRefusedError:
        return


def snapshots(*definitions: Definition) -> dict[str, bytes]:
    return {snapshot_path(each.kind, server=each.server, name=each.name): snapshot_bytes(each) for each in definitions}


def problems(files: dict[str, bytes]) -> list[Problem]:
    with pytest.raises(ConfigurationError) as refused:
        read_catalog(b"version: 1\n", file="c", snapshots=files)
    return list(refused.value.problems)


def tool(name: str, *, server: str = "files", **members: Any) -> Definition:
    return definition_of(Kind.TOOL, server=server, content={**OK[Kind.TOOL], "name": name, **members})


def test_each_snapshot_that_may_not_be_admitted_is_named_and_the_others_are_read_for_their_problems() -> None:
    hidden = tool("a", description="\u200b", title=1)
    prompt = definition_of(Kind.PROMPT, server="files", content={"name": "p", "arguments": {}})
    found = problems(snapshots(hidden, prompt, tool("good")) | {"schemas/files/z.json": b"{"})
    assert [(problem.file, problem.code, problem.message) for problem in found] == [
        ("schemas/files/a.json", "definition_refused", "`/description` has hidden characters: U+200B ZERO WIDTH SPACE"),
        ("schemas/files/a.json", "definition_refused", "`/title` must be a text"),
        ("schemas/files/prompts/p.json", "definition_refused", "`/arguments` must be an array"),
        ("schemas/files/z.json", "snapshot_invalid", "the message is not valid JSON"),
    ]


def test_twins_within_one_server_and_kind_are_named_both() -> None:
    found = problems(snapshots(tool("read_file"), tool("readFile"), tool("other")))
    assert [(problem.file, problem.code, problem.message) for problem in found] == [
        (
            file,
            "tool_twin",
            "the tools `readFile` and `read_file` of `files` have names that are taken for one",
        )
        for file in ("schemas/files/readFile.json", "schemas/files/read_file.json")
    ]


def test_names_of_two_servers_two_kinds_and_uris_are_no_twins() -> None:
    def resource(uri: str) -> Definition:
        return definition_of(Kind.RESOURCE, server="files", content={"uri": uri, "name": "a"})

    prompt = definition_of(Kind.PROMPT, server="files", content={"name": "READ"})
    files = snapshots(tool("read"), tool("Read", server="other"), prompt, resource("file:///a"), resource("file:///A"))
    catalog = read_catalog(b"version: 1\n", file="c", snapshots=files)
    assert [each.id for each in catalog.tools()] == ["files/read", "other/Read"]


def test_the_bounds_are_those_that_the_documentation_names() -> None:
    assert (MAX_BYTES, MAX_TEXT, MAX_PROPERTIES, MAX_DEPTH) == (262_144, 65_536, 2_000, 64)


def test_the_largest_real_definition_is_far_below_the_bound() -> None:
    assert max(len(json.dumps(json.loads(path.read_bytes()))) for path in REAL) < MAX_BYTES // 8
