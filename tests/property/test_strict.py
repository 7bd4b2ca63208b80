"""Validation by classes of actions finds what validation against the whole schema finds."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import event, given, settings

from pdp.core.catalog.cedar_schema import cedar_schema
from pdp.core.catalog.tool import Tool
from pdp.core.engine import cedar
from pdp.core.engine.checks.action_classes import ActionClasses, interest_of
from pdp.core.engine.checks.strict import Complaint, complaints, read_complaint
from pdp.core.engine.checks.subject import subject_of

_NAMES = ("a", "b")
_IDS = ("one/x", "one/y", 'one/we"ird\\', "two/x", "two/ü")

_LEAVES: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "integer"},
    {},
]
_NESTED = st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, st.sampled_from(_LEAVES))).map(
    lambda properties: {"type": "object", "properties": properties}
)


@st.composite
def tools(draw: st.DrawFn) -> list[Tool]:
    return [
        Tool(
            server=identifier.partition("/")[0],
            name=identifier.partition("/")[2],
            pin="p",
            input_schema={
                "type": "object",
                "properties": draw(
                    st.dictionaries(st.sampled_from(_NAMES), st.one_of(st.sampled_from(_LEAVES), _NESTED), min_size=1)
                ),
                "required": draw(st.lists(st.sampled_from(_NAMES), unique=True)),
            },
        )
        for identifier in draw(st.lists(st.sampled_from(_IDS), unique=True, min_size=1))
    ]


def _quoted(identifier: str) -> str:
    text = identifier.replace("\\", "\\\\").replace('"', '\\"')
    return f'Mcp::Action::"{text}"'


_ACTIONS = st.sampled_from([*_IDS, "tools/call", "tools/list", "no/such"]).map(_quoted)
_SCOPES = st.one_of(
    st.just("action"),
    _ACTIONS.map(lambda action: f"action == {action}"),
    _ACTIONS.map(lambda action: f"action in {action}"),
    st.lists(_ACTIONS, min_size=1, max_size=3).map(lambda actions: f"action in [{', '.join(actions)}]"),
)
_PLACES = st.lists(st.sampled_from(_NAMES), max_size=2).map(lambda names: ".".join(["context.arguments", *names]))
_ATOMS = st.one_of(
    st.builds("{} has {}".format, _PLACES, st.sampled_from(["a", "b", "a.b"])),
    st.builds('{} == "s"'.format, _PLACES),
    st.builds('context.arguments has {0} && context.arguments.{0} == "s"'.format, st.sampled_from(["a", "b", "a.b"])),
    st.builds("{} < 3".format, _PLACES),
    st.builds('{}.contains("s")'.format, _PLACES),
    st.builds("{} == {}".format, _PLACES, _PLACES),
    st.builds("{{a: {}}} == {{a: 1}}".format, _PLACES),
    _ACTIONS.map(lambda action: f"action == {action}"),
    _ACTIONS.map(lambda action: f"action in {action}"),
    st.lists(_ACTIONS, min_size=1, max_size=2).map(lambda actions: f"action in [{', '.join(actions)}]"),
    st.sampled_from(
        [
            "context has arguments",
            "context has ip && context.ip.isLoopback()",
            "context.ip.isLoopback()",
            'context.scopes.contains("s")',
            "context == context",
            "principal is Mcp::User",
            'principal.email == "e"',
            "resource.readOnly",
            'resource in Mcp::Server::"one"',
            "true",
            "false",
            "action == resource",
            "1",
        ]
    ),
)
_CONDITIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("(if {} then {} else {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)
_POLICIES = st.builds("permit (principal, {}, resource) when {{ {} }};".format, _SCOPES, _CONDITIONS)


@settings(deadline=None, max_examples=200)
@given(catalog=tools(), texts=st.lists(_POLICIES, min_size=1, max_size=6))
def test_validation_by_classes_finds_what_the_whole_schema_finds(catalog: list[Tool], texts: list[str]) -> None:
    schema = cedar_schema(catalog)
    whole: list[set[Complaint]] = [set() for _ in texts]
    for index, text in cedar.validate(texts, cedar.schema(schema)):
        whole[index].add(read_complaint(text))
    interests = [interest_of(subject_of(cedar.read_tree(text), text=text)) for text in texts]
    event(f"{sum(map(bool, whole))} of {len(texts)} refused")
    assert complaints(texts, interests=interests, classes=ActionClasses(schema)) == [sorted(found) for found in whole]
