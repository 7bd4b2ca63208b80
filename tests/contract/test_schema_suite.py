"""JSON Schema's own tests as tools' schemas: Cedar takes what becomes of each, and a valid value fits or is marked.

They are in the source of PyPI's `jsonschema`, which `make setup` gets by the lock file.
"""

import contextlib
import functools
import json
import socket
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cedarpy
import pytest

from pdp.core.catalog.arguments import ArgumentChecker
from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.cedar_text import cedar_text
from pdp.core.catalog.fidelity import fidelity
from pdp.core.catalog.schema.json_schema import arguments_shape
from pdp.core.catalog.tool import Tool, Undeclared
from pdp.core.contract.errors import ArgumentsError
from pdp.core.engine.translate import translate
from tests.conftest import ROOT, Require
from tests.property.test_translate import ask, differences, strays

DRAFTS = {
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
ARGUMENT = "a"
REMOTES = ("127.0.0.1", 1234)
"""Where the suite's references to other documents lead."""


@dataclass(frozen=True)
class Group:
    """One schema of the suite, with the values that it takes."""

    name: str
    draft: str
    schema: Any
    valid: tuple[Any, ...]


@functools.cache
def source() -> Path | None:
    return next((ROOT / ".json-schema-tests").glob("jsonschema-*.tar.gz"), None)


@functools.cache
def groups(draft: str) -> tuple[Group, ...]:
    archive = source()
    assert archive is not None
    with tarfile.open(archive) as opened:
        members = [each for each in opened if f"/json/tests/{draft}/" in each.name and each.isfile()]
        texts = {member.name: content(opened, member) for member in members}
    return tuple(each for name, text in texts.items() for each in read(name, text, draft))


def content(opened: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = opened.extractfile(member)
    assert file is not None
    return file.read()


def read(name: str, raw: bytes, draft: str) -> Iterator[Group]:
    file = name.partition(f"{draft}/")[2]
    for group in json.loads(raw):
        valid = tuple(test["data"] for test in group["tests"] if test["valid"])
        yield Group(f"{file}: {group['description']}", draft, group["schema"], valid)


def as_argument(group: Group) -> Tool:
    """A tool whose one argument has the schema; references into the schema go where it stands now."""
    schema = group.schema if "$id" in json.dumps(group.schema) else moved(group.schema)
    whole = {"$schema": DRAFTS[group.draft], "type": "object", "properties": {ARGUMENT: schema}, "required": [ARGUMENT]}
    return Tool(server="s", name="t", pin=f"{group.draft} {group.name}", input_schema=whole)


def as_input(group: Group) -> Tool:
    """A tool that has the schema for its arguments."""
    whole = {"$schema": DRAFTS[group.draft], **group.schema}
    pin = f"{group.draft} {group.name} whole"
    return Tool(server="s", name="t", pin=pin, input_schema=whole, undeclared=Undeclared.ALLOW)


def moved(schema: Any) -> Any:
    match schema:
        case dict():
            return {name: referring(part) if name == "$ref" else moved(part) for name, part in schema.items()}
        case list():
            return [moved(part) for part in schema]
        case _:
            return schema


def referring(reference: Any) -> Any:
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        return f"#/properties/{ARGUMENT}{reference[1:]}"
    return moved(reference)


def problems(tool: Tool, values: Sequence[Mapping[str, Any]], counts: Counter[str]) -> Iterator[str]:
    """What is wrong with what Cedar is told of `tool` and of those `values` that its check lets pass."""
    form = cedar_schema([tool])
    against = cedarpy.Schema.from_json_str(json.dumps(form))
    cedarpy.Schema.from_str(cedar_text(form))
    fidelity(tool)
    shape = arguments_shape(tool.input_schema)
    for value in values:
        try:
            arguments = ArgumentChecker().check(tool, dict(value))
        except ArgumentsError:
            counts["refused"] += 1
            continue
        translated = translate(arguments, shape)
        wrong = differences(arguments, translated.value, shape, (), translated.unrepresentable)
        wrong_scalars = strays(translated.value, shape)
        if wrong or wrong_scalars:
            yield f"{tool.pin}: {arguments} is {translated} at {wrong} {wrong_scalars}"
        if translated.unrepresentable:
            counts["marked"] += 1
        else:
            counts["held"] += 1
            if ask({}, translated.value, "true", against=against) != "Allow":
                yield f"{tool.pin}: {arguments} does not conform as {translated.value}"


@pytest.mark.parametrize("draft", DRAFTS)
def test_any_schema_of_an_argument_is_a_type_that_its_valid_values_fit(draft: str, require: Require) -> None:
    require(source(), reason="JSON Schema's tests are not here: make setup")
    counts: Counter[str] = Counter()
    found = [
        problem
        for group in groups(draft)
        for problem in problems(as_argument(group), [{ARGUMENT: value} for value in group.valid], counts)
    ]
    assert found == []
    assert len(groups(draft)) > 250
    assert counts["held"] > 130
    assert counts["marked"] > 150


@pytest.mark.parametrize("draft", DRAFTS)
def test_any_schema_of_all_arguments_is_a_type_that_its_valid_values_fit(draft: str, require: Require) -> None:
    require(source(), reason="JSON Schema's tests are not here: make setup")
    counts: Counter[str] = Counter()
    found = []
    for group in groups(draft):
        objects = [value for value in group.valid if isinstance(value, dict)]
        if isinstance(group.schema, dict) and objects:
            found += list(problems(as_input(group), objects, counts))
    assert found == []
    assert counts["held"] > 60


def test_no_reference_to_another_document_is_followed(require: Require) -> None:
    require(source(), reason="JSON Schema's tests are not here: make setup")
    with socket.socket() as listening:
        listening.settimeout(0)
        try:
            listening.bind(REMOTES)
        except OSError:
            pytest.skip("somebody else listens where the suite's references lead")
        listening.listen()
        referring = [
            each for draft in DRAFTS for each in groups(draft) if f"localhost:{REMOTES[1]}" in json.dumps(each.schema)
        ]
        for group in referring:
            assert list(problems(as_argument(group), [{ARGUMENT: value} for value in group.valid], Counter())) == []
        assert len(referring) > 40
        with contextlib.suppress(BlockingIOError):
            listening.accept()
            raise AssertionError("a document was asked for")
