"""The index with policies of any namespace: the cases of cedar-policy/cedar-integration-tests."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from pdp.core.engine import cedar
from pdp.core.engine.index import PolicyIndex
from pdp.core.engine.policy import Policy
from tests.property.integration_cases import HOW_TO_GET, VARIABLE, IntegrationCase, corpus, handwritten
from tests.unit.engine.scoped import scoped


@pytest.fixture(scope="module")
def folder() -> Path:
    """The integration tests' folder; they are another project's, so they may be absent anywhere."""
    named = os.environ.get(VARIABLE)  # noqa: TID251 - the edge between the machine and tests
    if not named:
        pytest.skip(HOW_TO_GET)
    return Path(named)


def indexed(cases_: Iterable[IntegrationCase]) -> tuple[list[Policy], PolicyIndex]:
    """All policies of some cases together, each under its case's name."""
    policies = [scoped(f"{case.name}/{key}", tree) for case in cases_ for key, tree in case.trees.items()]
    return policies, PolicyIndex(policies)


def check(some: Sequence[IntegrationCase]) -> int:
    """How many questions were answered as expected, as by the full set, and alike by the slice among other cases."""
    together, index = indexed(some)
    everything = cedar.policy_set(policy.tree for policy in together)
    count = 0
    for case in some:
        own = [scoped(key, tree) for key, tree in case.trees.items()]
        full = cedar.policy_set(policy.tree for policy in own)
        own_index = PolicyIndex(own)
        for question in case.questions:
            lineages = {
                "principal": case.lineage(question.principal),
                "action": case.lineage(question.action),
                "resource": case.lineage(question.resource),
            }
            slice_ = cedar.policy_set(policy.tree for policy in own_index.matching(**lineages))
            assert case.ask(question, full) == question.expected, case.name
            assert case.ask(question, slice_) == question.expected, case.name
            among = cedar.policy_set(policy.tree for policy in index.matching(**lineages))
            assert case.ask(question, among) == case.ask(question, everything), case.name
            count += 1
    return count


def test_the_integration_cases_of_cedar_are_answered_alike_by_slices(folder: Path) -> None:
    assert check(list(handwritten(folder))) >= 70


def test_generated_integration_cases_of_cedar_are_answered_alike_by_slices(folder: Path) -> None:
    if not (folder / "corpus-tests").is_dir():
        pytest.skip(f"{folder} has no corpus-tests: unpack corpus-tests.tar.gz there")
    found = list(corpus(folder, every=20))
    asked_ = sum(check(found[start : start + 30]) for start in range(0, len(found), 30))
    print(f"{len(found)} cases, {asked_} questions")
    assert asked_ >= 2_000
