"""Scopes that are asked for suffice, and none of them is too much."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.core.contract.reason_code import ReasonCode
from pdp.core.engine.evaluate import Decision
from tests.unit.engine.sample import call, decide

SCOPES = ("a", "b", "c", "d")
SETS = st.frozensets(st.sampled_from(SCOPES))


def condition(names: frozenset[str]) -> st.SearchStrategy[str]:
    listed = ", ".join(f'"{name}"' for name in sorted(names))
    tests = [f"context.scopes.contains{kind}([{listed}])" for kind in ("All", "Any")]
    if not names:
        tests = ["context.scopes.isEmpty()"]
    return st.sampled_from(tests)


CLAUSES = SETS.flatmap(condition).flatmap(lambda text: st.sampled_from([text, f"!({text})"]))


@st.composite
def policies(draw: st.DrawFn) -> str:
    effects = draw(st.lists(st.sampled_from(["permit", "permit", "forbid"]), min_size=1, max_size=4))
    return "".join(
        f'@id("p{number}") {effect}(principal, action, resource) when {{ {draw(CLAUSES)} || {draw(CLAUSES)} }};'
        for number, effect in enumerate(effects)
    )


def asked(text: str, scopes: frozenset[str]) -> Decision:
    return decide(text, call(scopes=sorted(scopes)))


def allowed(text: str, scopes: frozenset[str]) -> bool:
    return asked(text, scopes).code is ReasonCode.ALLOWED


@settings(max_examples=150, deadline=None)
@given(policies(), SETS)
def test_scopes_that_are_asked_for_suffice_beside_those_held_and_alone(text: str, held: frozenset[str]) -> None:
    decision = asked(text, held)
    needed = frozenset(decision.scopes)
    assert bool(needed) == (decision.code is ReasonCode.SCOPE_MISSING)
    if needed:
        assert needed - held != frozenset()
        assert (allowed(text, needed), allowed(text, needed | held)) == (True, True)


@settings(max_examples=150, deadline=None)
@given(policies(), SETS)
def test_where_scopes_only_help_they_are_always_found_and_none_is_too_much(text: str, held: frozenset[str]) -> None:
    """Without a condition that a scope breaks, all scopes together allow whatever some allow."""
    text = text.replace("!(", "(").replace("forbid", "permit").replace("isEmpty()", 'contains("a")')
    reachable = any(allowed(text, held | set(more)) for size in range(5) for more in combinations(SCOPES, size))
    decision = asked(text, held)
    assert (decision.code in {ReasonCode.ALLOWED, ReasonCode.SCOPE_MISSING}) == reachable
    needed = frozenset(decision.scopes)
    assert [scope for scope in needed if allowed(text, needed - {scope})] == []
