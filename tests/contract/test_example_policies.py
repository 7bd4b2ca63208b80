"""The example policy repository: it passes its own tests, and they notice whatever is changed in a policy."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cedarpy
import pytest

from pdp.core.bundle.bundle import Bundle, build
from pdp.core.engine.index import PolicyIndex
from pdp.core.engine.policy import Place, PolicyEffect, policy_of
from pdp.core.engine.syntax.formatting import formatted
from pdp.core.engine.syntax.source import Statement, statements
from pdp.lifecycle.directory import DirectorySource
from pdp.policytest.cases import CallCase, Case, read_cases
from pdp.policytest.files import read_files
from pdp.policytest.run import run
from tests.contract.policy_mutants import mutants

_ROOT = Path(__file__).resolve().parents[2]

_NO_HAS = "the guard of an optional argument: without it Cedar's validation refuses the policy"
_ONE_SERVER = "no other server has an argument of that name, and `has` keeps the rest out"
_EQUIVALENT = {
    ("contractors-read-the-demo", "clause 1 right of &&"): _NO_HAS,
    ("engineers-read-the-end-of-logs", "clause 1 left of &&"): _NO_HAS,
    ("known-repositories", "clause 1 right of &&"): _NO_HAS,
    ("no-hidden-files", "any resource"): _ONE_SERVER,
    ("payroll-is-for-operations", "any resource"): _ONE_SERVER,
    ("payroll-is-for-operations", "clause 1 right of &&"): _NO_HAS,
    ("relative-paths", "any resource"): _ONE_SERVER,
    ("release-managers-use-release-branches", "any principal"): "`protected-branches` forbids it to everybody else",
}
"""Changes that change no decision, each with its reason."""

Forms = dict[str, dict[str, Any]]


def _sources() -> Mapping[str, bytes]:
    return DirectorySource(policies=_ROOT / "policies", schemas=_ROOT / "schemas").fetch()


def _statements() -> Iterable[Statement]:
    for file, raw in _sources().items():
        if file.endswith(".cedar"):
            yield from statements(raw.decode(), file=file)


def _forms() -> Forms:
    """Every policy in Cedar's JSON form, by id."""
    found: Forms = {}
    for statement in _statements():
        (form,) = json.loads(cedarpy.policies_to_json_str(statement.text))["staticPolicies"].values()
        found[form["annotations"]["id"]] = form
    return found


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return build(_sources(), max_age=1.0)


@pytest.fixture(scope="module")
def cases(bundle: Bundle) -> tuple[Case, ...]:
    return read_cases(read_files([_ROOT / "policy-tests"]), catalog=bundle.catalog)


def _mutated(bundle: Bundle, forms: Forms) -> Bundle:
    text = json.dumps({"staticPolicies": forms, "templates": {}, "templateLinks": []})
    trees = cedarpy.PolicySet.from_json_str(text).to_pst().static_policies.values()
    place = Place("", 1)
    made = (policy_of(tree, statement=Statement("", 1, 1, ""), place=place) for tree in trees)
    policies = {policy.id: policy for policy in made}
    compiled = replace(bundle.compiled, policies=policies, index=PolicyIndex(policies.values()))
    return Bundle(bundle.manifest, catalog=bundle.catalog, compiled=compiled, max_age=1.0)


def _notices(cases: Iterable[Case], *, policy: str, mutant: Bundle) -> bool:
    """Whether a case fails; those that name the policy are asked first."""
    naming = [case for case in cases if isinstance(case, CallCase) and policy in (case.expect.policies or ())]
    return bool(run(naming, bundle=mutant).failed or run(cases, bundle=mutant).failed)


def test_the_examples_pass_their_tests_and_every_policy_is_exercised(bundle: Bundle, cases: tuple[Case, ...]) -> None:
    outcome = run(cases, bundle=bundle)
    assert outcome.failed == ()
    assert outcome.unexercised == ()
    assert outcome.policies >= 10


@pytest.mark.parametrize("policy", sorted(_forms()))
def test_a_case_fails_when_a_policy_is_missing(policy: str, bundle: Bundle, cases: tuple[Case, ...]) -> None:
    forms = _forms()
    del forms[policy]
    assert _notices(cases, policy=policy, mutant=_mutated(bundle, forms))


@pytest.mark.parametrize("policy", sorted(_forms()))
def test_a_case_fails_whatever_is_changed_in_a_policy(policy: str, bundle: Bundle, cases: tuple[Case, ...]) -> None:
    forms = _forms()
    survivors = [
        what
        for what, form in mutants(forms[policy])
        if not _notices(cases, policy=policy, mutant=_mutated(bundle, {**forms, policy: form}))
    ]
    assert sorted(survivors) == sorted(what for of, what in _EQUIVALENT if of == policy)


def test_the_examples_are_in_the_layout_of_the_formatter() -> None:
    files = {file: raw for file, raw in _sources().items() if file.endswith(".cedar")}
    assert {file: formatted(raw, file=file).encode() for file, raw in files.items()} == files


def test_the_mutants_are_read_from_the_policies_that_decide(bundle: Bundle, cases: tuple[Case, ...]) -> None:
    assert run(cases, bundle=_mutated(bundle, _forms())).failed == ()


def test_every_file_of_policies_says_what_it_shows() -> None:
    for file, raw in _sources().items():
        if file.endswith(".cedar"):
            assert raw.startswith(b"// "), file
            assert b"\n// Shows: " in raw, file


def test_every_forbid_tells_the_caller_why(bundle: Bundle) -> None:
    forbids = [policy for policy in bundle.compiled.policies.values() if policy.effect is PolicyEffect.FORBID]
    assert [policy.id for policy in forbids if not policy.message] == []
