"""The interpreter with policies of any namespace: the cases of cedar-policy/cedar-integration-tests."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pdp.core.engine import cedar
from pdp.core.engine.expression.condition import condition
from pdp.core.engine.expression.situation import Entity, Situation, Truth, truths_of
from pdp.core.engine.expression.value import RecordValue, value_of
from pdp.core.engine.scope import Scope
from tests.property.integration_cases import HOW_TO_GET, VARIABLE, IntegrationCase, Question, corpus, handwritten
from tests.unit.engine.fitting import Fits, fit


@pytest.fixture(scope="module")
def folder() -> Path:
    """The integration tests' folder; they are another project's, so they may be absent anywhere."""
    named = os.environ.get(VARIABLE)  # noqa: TID251 - the edge between the machine and tests
    if not named:
        pytest.skip(HOW_TO_GET)
    return Path(named)


def _record(form: object) -> RecordValue:
    value = value_of(form)
    assert isinstance(value, RecordValue)
    return value


def _entities(case: IntegrationCase) -> dict[cedar.EntityUid, Entity]:
    found = {}
    for each in case.entities:
        named = each["uid"].get("__entity", each["uid"])
        entity = cedar.EntityUid(named["type"], named["id"])
        ancestors = frozenset(case.lineage(entity).ancestors)
        found[entity] = Entity(ancestors, _record(each["attrs"]).fields, _record(each.get("tags", {})).fields)
    return found


def _we_say(case: IntegrationCase, question: Question) -> dict[str, frozenset[Truth]]:
    """What each policy comes to, its scope being part of it."""
    named = (question.principal, question.action, question.resource)
    situation = Situation(*named, _record(dict(question.context)), _entities(case))
    principal, action, resource = (case.lineage(uid) for uid in named)
    said = {}
    for key, tree in case.trees.items():
        scope = Scope(tree.principal, tree.action, tree.resource)
        fits = isinstance(fit(scope, principal=principal, action=action, resource=resource), Fits)
        said[key] = truths_of(condition(tree.clauses)(situation)) if fits else frozenset({Truth.FALSE})
    return said


def _cedar_says(case: IntegrationCase, question: Question) -> dict[str, frozenset[Truth]]:
    """What Cedar makes of the data as they are written, without a schema to read them by."""
    asked = cedar.question(question.principal, question.action, question.resource)
    entities = cedar.entities(case.entities)
    said = {}
    for key, tree in case.trees.items():
        alone = cedar.policy_set([cedar.pst.Template(key, "permit", *_scope(tree), tree.clauses, {})])
        answer = cedar.authorize(alone, entities, asked, context=question.context)
        assert answer.unplaced == ()
        truth = Truth.ERROR if answer.errors else Truth.TRUE if answer.reasons else Truth.FALSE
        said[key] = frozenset({truth})
    return said


def _scope(
    tree: cedar.pst.Template,
) -> tuple[
    cedar.pst.PrincipalOrResourceConstraint, cedar.pst.ActionConstraint, cedar.pst.PrincipalOrResourceConstraint
]:
    return tree.principal, tree.action, tree.resource


def _spelled(case: IntegrationCase) -> bool:
    """Whether its data are values; without a schema a call of `offset` in them, for one, is none."""
    try:
        _entities(case)
        for question in case.questions:
            _record(dict(question.context))
    except ValueError:
        return False
    return True


def _compared(cases: Iterable[IntegrationCase]) -> tuple[int, int]:
    """How many questions came to the same, and how many cases could not be put."""
    count = left_out = 0
    for case in cases:
        if not _spelled(case):
            left_out += 1
            continue
        for question in case.questions:
            assert _we_say(case, question) == _cedar_says(case, question), case.name
            count += 1
    return count, left_out


def test_the_integration_cases_of_cedar_come_to_what_cedar_makes_of_them(folder: Path) -> None:
    count, left_out = _compared(handwritten(folder))
    assert count >= 70
    assert left_out == 0


@pytest.mark.timeout(600)
def test_generated_integration_cases_of_cedar_come_to_what_cedar_makes_of_them(folder: Path) -> None:
    if not (folder / "corpus-tests").is_dir():
        pytest.skip(HOW_TO_GET)
    count, left_out = _compared(corpus(folder, every=10))
    assert count > 2_000
    assert left_out < count / 100
