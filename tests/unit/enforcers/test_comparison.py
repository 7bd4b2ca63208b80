from collections.abc import Sequence
from typing import Any

import pytest

from enforcers.comparison import Comparison, Standing
from enforcers.offer import Offer
from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.definitions.definition import pin_of
from pdp.core.catalog.entries.entry import Entries, ServerEntry
from pdp.core.catalog.tool import Tool
from pdp.core.contract.errors import Refused
from pdp.core.contract.reason_code import ReasonCode
from pdp.core.contract.record_terms import DriftState


def content(name: str, description: str = "reads a file", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": {"type": "object", "properties": {}}, **more}


def offer(name: str, description: str = "reads a file", *, server: str = "files", **more: Any) -> Offer:
    definition = content(name, description, **more)
    return Offer(server, name, definition, pin_of(definition))


def catalog(*names: str, unpinned: str | None = None) -> Catalog:
    tools = [
        Tool(server="files", name=name, pin=pin_of(content(name)), input_schema=content(name)["inputSchema"])
        for name in names
    ]
    servers = {} if unpinned is None else {unpinned: ServerEntry(unsafe_unpinned=True)}
    return Catalog(tools, entries=Entries(servers=servers))


def standings(*offers: Offer, approved: Catalog) -> Sequence[tuple[str, DriftState, ReasonCode]]:
    """How offers stand that share one wire name, the one that calls get first."""
    comparison = Comparison({"name": offers}, catalog=approved)
    first = comparison.by_name["name"]
    rest = [one for one in comparison.by_id.values() if one is not first]
    return [(one.offer.id, one.state, one.code) for one in (first, *rest)]


def only(one: Offer, *, approved: Catalog) -> Standing:
    return Comparison({"name": [one]}, catalog=approved).by_name["name"]


APPROVED = (DriftState.APPROVED, ReasonCode.ALLOWED)
CHANGED = (DriftState.CHANGED, ReasonCode.TOOL_CHANGED)
UNKNOWN = (DriftState.UNKNOWN, ReasonCode.TOOL_UNKNOWN)


def test_what_is_offered_as_approved_may_be_called() -> None:
    standing = only(offer("read"), approved=catalog("read"))
    assert (standing.state, standing.code) == APPROVED
    assert standing.usable() is standing.checked_as()
    assert standing.usable().pinned


@pytest.mark.parametrize(
    ("needed", "common"),
    [
        ({}, []),
        ({"read": ()}, []),
        ({"read": ("b", "a")}, ["a", "b"]),
        ({"read": ("use", "read"), "write": ("use", "write")}, ["use"]),
        ({"read": ("read",), "write": ("write",)}, []),
        ({"read": ("use",), "ping": ()}, []),
        ({"read": ("use",), "changed": ()}, ["use"]),
    ],
)
def test_the_scopes_to_begin_with_are_those_of_every_tool_that_may_be_called(
    needed: dict[str, tuple[str, ...]], common: list[str]
) -> None:
    approved = Catalog(
        Tool(server="files", name=name, pin=pin_of(content(name)), input_schema={"type": "object"}, scopes=scopes)
        for name, scopes in needed.items()
    )
    table = {name: [offer(name, "another" if name == "changed" else "reads a file")] for name in needed}
    assert list(Comparison(table, catalog=approved).common_scopes) == common


@pytest.mark.parametrize(
    "changed",
    [
        offer("read", "reads a file and sends it on"),
        offer("read", "reads a file\u200b"),
        offer("read", annotations={"readOnlyHint": True}),
        offer("read", outputSchema={"type": "object"}),
        offer("read", title="Read"),
        offer("read", icons=[{"src": "https://x/y.png"}]),
        offer("read", _meta={"a": 1}),
        offer("read", execution={"taskSupport": "required"}),
        Offer("files", "read", {}, "sha256:" + "0" * 64),
    ],
)
def test_whatever_of_a_definition_changed_it_is_denied(changed: Offer) -> None:
    standing = only(changed, approved=catalog("read"))
    assert (standing.state, standing.code) == CHANGED
    with pytest.raises(Refused) as refused:
        standing.usable()
    assert refused.value.code is ReasonCode.TOOL_CHANGED
    assert changed.pin in refused.value.detail


def test_what_nobody_approved_is_unknown_also_with_an_approved_definition_on_another_server() -> None:
    assert (only(offer("write"), approved=catalog("read")).code) is ReasonCode.TOOL_UNKNOWN
    assert (only(offer("read", server="other"), approved=catalog("read")).code) is ReasonCode.TOOL_UNKNOWN


def test_a_name_that_is_offered_twice_can_be_called_under_neither_definition() -> None:
    approved, other = offer("read"), offer("read", "the other")
    ambiguous = (DriftState.AMBIGUOUS, ReasonCode.TOOL_CHANGED)
    for pair in ((approved, other), (other, approved), (approved, approved)):
        assert standings(*pair, approved=catalog("read")) == [("files/read", *ambiguous)]


def test_what_is_not_approved_takes_no_wire_name_from_what_is() -> None:
    approved, thief = offer("a.b"), offer("a_b_0123456789")
    for pair in ((approved, thief), (thief, approved)):
        assert standings(*pair, approved=catalog("a.b")) == [
            ("files/a.b", *APPROVED),
            ("files/a_b_0123456789", *UNKNOWN),
        ]


def test_what_is_offered_twice_and_unknown_takes_no_wire_name_either() -> None:
    thieves = [offer("thief"), offer("thief", "the other")]
    found = standings(*thieves, offer("a.b"), approved=catalog("a.b"))
    assert found == [("files/a.b", *APPROVED), ("files/thief", DriftState.AMBIGUOUS, ReasonCode.TOOL_UNKNOWN)]


def test_of_two_approved_tools_with_one_wire_name_none_can_be_called() -> None:
    both = catalog("one", "two")
    lost = (DriftState.AMBIGUOUS, ReasonCode.TOOL_CHANGED)
    assert standings(offer("one"), offer("two"), approved=both) == [("files/one", *lost), ("files/two", *lost)]
    collisions = Comparison({"name": [offer("one"), offer("two")]}, catalog=both).collisions()
    assert list(collisions) == [("name", ["files/one", "files/two"])]


def test_a_server_cannot_make_a_collision_with_what_nobody_approved() -> None:
    offers = [offer("one"), offer("two"), offer("two")]
    assert list(Comparison({"name": offers}, catalog=catalog("one")).collisions()) == []


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("Read_File", "files/read_file"),
        ("read-file", "files/read_file"),
        ("re\u0430d_file", "files/read_file"),
        ("read_file\u200b", "files/read_file"),
        ("read_files", None),
        ("read_file", None),
    ],
)
def test_a_name_that_could_be_taken_for_an_approved_one_is_called_its_twin(name: str, twin: str | None) -> None:
    assert Comparison({}, catalog=catalog("read_file")).twin_of(offer(name)) == twin
    assert Comparison({}, catalog=catalog("read_file")).twin_of(offer(name, server="other")) is None


def test_an_unpinned_servers_changed_tool_is_decided_on_as_not_pinned() -> None:
    standing = only(offer("read", "changed"), approved=catalog("read", unpinned="files"))
    assert (standing.state, standing.code) == (DriftState.CHANGED, ReasonCode.ALLOWED)
    tool = standing.usable()
    assert (tool.pinned, tool.pin, tool.offered) == (False, pin_of(content("read")), standing.offer.pin)
    assert standing.checked_as().input_schema == content("read")["inputSchema"]


def test_an_unpinned_servers_unknown_tool_is_checked_against_its_live_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    standing = only(offer("new", inputSchema=schema), approved=catalog(unpinned="files"))
    assert (standing.state, standing.code) == (DriftState.UNKNOWN, ReasonCode.ALLOWED)
    assert (standing.usable().pinned, standing.usable().offered) == (False, standing.offer.pin)
    assert standing.checked_as().input_schema == schema


@pytest.mark.parametrize(
    "hostile",
    [
        offer("new", "hidden\u202etext"),
        offer("new", inputSchema={"type": "array"}),
        offer("new", "x" * 1_000_000),
        offer("new", annotations={"readOnlyHint": "yes"}),
    ],
)
def test_not_even_an_unpinned_server_offers_what_could_not_be_approved(hostile: Offer) -> None:
    standing = only(hostile, approved=catalog(unpinned="files"))
    assert (standing.state, standing.code) == UNKNOWN
    assert standing.tool is None


def test_not_even_an_unpinned_server_offers_a_twin_of_an_approved_tool() -> None:
    standing = only(offer("Read"), approved=catalog("read", unpinned="files"))
    assert (standing.state, standing.code) == UNKNOWN
    assert standing.detail == "its name could be taken for `files/read`"
