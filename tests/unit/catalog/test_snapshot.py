import json
from typing import Any

import pytest

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.definitions.definition import pin_of
from pdp.core.catalog.reading import read_catalog
from pdp.core.catalog.tool import Mark
from pdp.core.contract.errors import ConfigurationError
from tests.snapshots import tool_path, tool_snapshot

DEFINITION: dict[str, Any] = {
    "name": "read",
    "description": "reads",
    "inputSchema": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "n": {"type": "number", "minimum": 0.5}},
    },
    "annotations": {"readOnlyHint": True, "title": "ignored here"},
    "_meta": {"kept": "too"},
}
PATH = "schemas/files/read.json"
CATALOG = b"""version: 1
servers:
  files:
    trusted: true
    tenant: corp|acme
    tools:
      read: {arguments: {path: path}}
"""


def catalog(yaml: bytes = CATALOG, **snapshots: bytes) -> Catalog:
    return read_catalog(yaml, file="policies/catalog.yaml", snapshots=snapshots or {PATH: tool_snapshot(DEFINITION)})


def codes(yaml: bytes = CATALOG, snapshots: dict[str, bytes] | None = None) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as refused:
        read_catalog(
            yaml,
            file="policies/catalog.yaml",
            snapshots={PATH: tool_snapshot(DEFINITION)} if snapshots is None else snapshots,
        )
    return [(problem.file, problem.code) for problem in refused.value.problems]


def test_a_snapshot_reads_back_as_the_tool_with_its_pin_and_marks() -> None:
    (tool,) = catalog().tools()
    assert (tool.id, tool.pin) == ("files/read", pin_of(DEFINITION))
    assert (tool.trusted, tool.tenant, tool.marks) == (True, "corp|acme", {"path": Mark.PATH})
    assert tool.annotations.readOnlyHint


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"enum": ["a"]},
        {"type": ["string", "null"]},
        {"type": ["integer", "array"], "items": {"type": "array", "items": {"type": "string"}}},
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        {"$ref": "#/$defs/path"},
    ],
)
@pytest.mark.parametrize("mark", ["path", "url", "host", "secret"])
def test_whatever_may_be_a_text_or_a_list_of_texts_can_be_marked(schema: dict[str, Any], mark: str) -> None:
    definitions = {"path": {"type": "string"}}
    definition = {**DEFINITION, "inputSchema": {"properties": {"path": schema}, "$defs": definitions}}
    yaml = CATALOG.replace(b"{path: path}", b"{path: %s}" % mark.encode())
    (tool,) = catalog(yaml, **{PATH: tool_snapshot(definition)}).tools()
    assert tool.marks == {"path": Mark(mark)}


@pytest.mark.parametrize("schema", [{"type": "boolean"}, {"type": "array", "items": {"type": "integer"}}])
def test_a_secret_may_be_of_any_type(schema: dict[str, Any]) -> None:
    definition = {**DEFINITION, "inputSchema": {"type": "object", "properties": {"path": schema}}}
    (tool,) = catalog(CATALOG.replace(b"path: path", b"path: secret"), **{PATH: tool_snapshot(definition)}).tools()
    assert tool.marks == {"path": Mark.SECRET}


def test_a_snapshot_is_the_same_on_every_run_and_one_value_a_line() -> None:
    shuffled = dict(reversed(DEFINITION.items()))
    assert tool_snapshot(shuffled) == tool_snapshot(DEFINITION)
    assert tool_snapshot(DEFINITION).count(b"\n") > 10


def test_the_catalog_survives_the_wire() -> None:
    sent = catalog()
    received = Catalog.from_json(sent.to_json())
    assert (received.digest, list(received.tools())) == (sent.digest, list(sent.tools()))


@pytest.mark.parametrize("name", ["a/b", "..", "a b", "Ünï", 'q"uote', "a%2Fb", "A" * 100])
def test_any_tool_name_has_a_file_of_its_own(name: str) -> None:
    path = tool_path("files", name)
    assert path.count("/") == 2
    snapshots = {path: tool_snapshot({**DEFINITION, "name": name})}
    read = read_catalog(b"version: 1\n", file="c", snapshots=snapshots)
    assert read.find(f"files/{name}") is not None


def altered(**change: Any) -> bytes:
    return json.dumps({**json.loads(tool_snapshot(DEFINITION)), **change}).encode()


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        (PATH, b""),
        (PATH, b"{}"),
        (PATH, b"[]"),
        (PATH, b'{"name":"read","name":"read"}'),
        (PATH, b"[" * 10_000),
        (PATH, altered(description="and sends it to somebody")),
        (PATH, altered(digest="sha256:0")),
        (PATH, altered(unknown=1)),
        (PATH, altered(name="other")),
        (PATH, altered(inputSchema=True)),
        (PATH, altered(annotations={"readOnlyHint": "yes"})),
        ("schemas/files/write.json", tool_snapshot(DEFINITION)),
        ("schemas/read.json", tool_snapshot(DEFINITION)),
        ("schemas/a/b/read.json", tool_snapshot(DEFINITION)),
        ("schemas/tasks/read.json", tool_snapshot(DEFINITION)),
        ("schemas/Files/read.json", tool_snapshot(DEFINITION)),
    ],
)
def test_a_snapshot_that_was_altered_or_misplaced_is_refused_with_its_file(path: str, raw: bytes) -> None:
    assert (path, "snapshot_invalid") in codes(b"version: 1\n", {path: raw})


@pytest.mark.parametrize(
    ("yaml", "code"),
    [
        (b"", "catalog_invalid"),
        (b"version: 2\n", "catalog_invalid"),
        (b"version: 1\nservers: []\n", "catalog_invalid"),
        (b"version: 1\nserver: {}\n", "catalog_invalid"),
        (b"version: 1\nservers: {files: {trusted: maybe}}\n", "catalog_invalid"),
        (b"version: 1\nservers: {files: {tools: {read: {arguments: {path: pth}}}}}\n", "catalog_invalid"),
        (b"version: 1\nservers: {fils: {}}\n", "server_unknown"),
        (b"version: 1\nservers: {files: {tools: {red: {}}}}\n", "tool_unknown"),
        (b"version: 1\nservers: {files: {tools: {read: {arguments: {pth: path}}}}}\n", "argument_unknown"),
        (b"version: 1\nservers: {files: {tools: {read: {arguments: {n: path}}}}}\n", "mark_unfit"),
        (b"version: 1\nservers: {files: {tools: {read: {arguments: {n: url}}}}}\n", "mark_unfit"),
    ],
)
def test_a_catalog_that_would_mark_nothing_is_refused(yaml: bytes, code: str) -> None:
    found = codes(yaml)
    assert found == [("policies/catalog.yaml", code)]


def test_every_problem_of_every_file_is_reported() -> None:
    found = codes(b"version: 2\n", {PATH: b"", "schemas/x/y.json": b""})
    assert [file for file, _ in found] == ["policies/catalog.yaml", PATH, "schemas/x/y.json"]


def test_each_problem_of_the_catalog_has_its_own_line() -> None:
    yaml = (
        b"version: 1\nservers:\n  files:\n    trusted: 1\n    tools:\n      read: {arguments: {path: pth}}\n  x: []\n"
    )
    with pytest.raises(ConfigurationError) as refused:
        read_catalog(yaml, file="c", snapshots={PATH: tool_snapshot(DEFINITION)})
    assert [(problem.line, problem.code) for problem in refused.value.problems] == [
        (4, "catalog_invalid"),
        (6, "catalog_invalid"),
        (7, "catalog_invalid"),
    ]
    tools = b"      red: {}\n      read:\n        arguments:\n          pth: path\n"
    mistyped = b"version: 1\nservers:\n  files:\n    tools:\n" + tools
    with pytest.raises(ConfigurationError) as dangling:
        read_catalog(mistyped, file="c", snapshots={PATH: tool_snapshot(DEFINITION)})
    assert [(problem.line, problem.code) for problem in dangling.value.problems] == [
        (5, "tool_unknown"),
        (8, "argument_unknown"),
    ]
