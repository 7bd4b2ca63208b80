"""What checks say of scopes, against what scopes mean: which calls they let in, which forbids cover which permits."""

from itertools import product

import hypothesis.strategies as st
from hypothesis import given, settings

from pdp.core.catalog.catalog import Catalog
from pdp.core.catalog.tool import Tool
from pdp.core.engine import cedar
from pdp.core.engine.cedar import EntityUid, pst
from pdp.core.engine.checks.shadow import Shadow, shadows
from pdp.core.engine.checks.vocabulary import Vocabulary
from pdp.core.engine.scope import Lineage, Scope
from tests.unit.engine.fitting import Fits, fit

_OWNERS = {"a": "c|t", "b": "c|t", "d": None}
_TOOLS = ("a/x", "a/y", "b/x", "d/x")
VOCABULARY = Vocabulary(
    Catalog(
        Tool(server=name[0], name=name[2:], pin="p", tenant=_OWNERS[name[0]], input_schema={"type": "object"})
        for name in _TOOLS
    )
)


def _uid(kind: str, identifier: str) -> EntityUid:
    return EntityUid(f"Mcp::{kind}", identifier)


def _lineage(own: EntityUid, *ancestors: EntityUid) -> Lineage:
    return Lineage(own, frozenset({own, *ancestors}))


def _around(server: str) -> list[EntityUid]:
    owner = _OWNERS[server]
    return [_uid("Server", server), *([] if owner is None else [_uid("Tenant", owner)])]


CALLS = {
    **{
        name: (
            _lineage(_uid("Action", name), _uid("Action", "tools/call")),
            _lineage(_uid("Tool", name), *_around(name[0])),
        )
        for name in _TOOLS
    },
    **{server: (_lineage(_uid("Action", "tools/list")), _lineage(*_around(server))) for server in _OWNERS},
}
CALLERS = [
    _lineage(_uid(kind, "c|a"), *(_uid("Group", group) for group in groups))
    for kind in ("User", "Agent")
    for groups in ((), ("c|g",), ("c|h",), ("c|g", "c|h"))
]

_ACTIONS = st.sampled_from([*_TOOLS, "tools/call", "tools/list"]).map(lambda name: f'Mcp::Action::"{name}"')
_ACTION = st.one_of(
    st.just("action"),
    _ACTIONS.map("action == {}".format),
    _ACTIONS.map("action in {}".format),
    st.lists(_ACTIONS, max_size=3).map(lambda names: f"action in [{', '.join(names)}]"),
)


def _constraints(name: str, types: list[str], entities: list[str]) -> st.SearchStrategy[str]:
    kinds, ones = st.sampled_from(types).map("Mcp::{}".format), st.sampled_from(entities).map("Mcp::{}".format)
    return st.one_of(
        st.just(name),
        kinds.map((name + " is {}").format),
        ones.map((name + " == {}").format),
        ones.map((name + " in {}").format),
        st.builds((name + " is {} in {}").format, kinds, ones),
    )


_PRINCIPAL = _constraints(
    "principal", ["User", "Agent", "Group"], ['User::"c|a"', 'Agent::"c|a"', 'Group::"c|g"', 'Group::"c|h"']
)
_RESOURCE = _constraints(
    "resource", ["Tool", "Server", "Tenant"], ['Tool::"a/x"', 'Server::"a"', 'Server::"d"', 'Tenant::"c|t"']
)
_HEADS = st.builds("({}, {}, {})".format, _PRINCIPAL, _ACTION, _RESOURCE)


def _tree(effect: str, head: str) -> pst.Template:
    return cedar.read_tree(f"{effect} {head};")


def _fits(tree: pst.Template, caller: Lineage, call: str) -> bool:
    action, resource = CALLS[call]
    scope = Scope(tree.principal, tree.action, tree.resource)
    return isinstance(fit(scope, principal=caller, action=action, resource=resource), Fits)


@settings(deadline=None, max_examples=400)
@given(action=_ACTION, resource=_RESOURCE)
def test_the_calls_of_a_scope_are_those_that_it_lets_in(action: str, resource: str) -> None:
    tree = _tree("permit", f"(principal, {action}, {resource})")
    expected = {call for call in CALLS if _fits(tree, CALLERS[0], call)}
    assert VOCABULARY.reached(tree.action, resource=tree.resource) == expected


@settings(deadline=None, max_examples=300)
@given(permit=_HEADS, forbids=st.lists(_HEADS, min_size=1, max_size=4))
def test_a_shadow_covers_every_request_of_its_permit(permit: str, forbids: list[str]) -> None:
    trees = {"p": _tree("permit", permit), **{f"f{n}": _tree("forbid", head) for n, head in enumerate(forbids)}}
    for shadow in shadows(trees, unconditional=trees.keys() - {"p"}, vocabulary=VOCABULARY):
        let_in = [(caller, call) for caller, call in product(CALLERS, CALLS) if _fits(trees["p"], caller, call)]
        assert all(_fits(trees[shadow.forbid], caller, call) for caller, call in let_in)


@settings(deadline=None, max_examples=200)
@given(permit=_HEADS)
def test_a_forbid_of_the_same_scope_is_a_shadow(permit: str) -> None:
    trees = {"p": _tree("permit", permit), "f": _tree("forbid", permit)}
    found = list(shadows(trees, unconditional=["f"], vocabulary=VOCABULARY))
    reached = VOCABULARY.reached(trees["p"].action, resource=trees["p"].resource)
    assert found == ([Shadow("p", "f")] if reached else [])
